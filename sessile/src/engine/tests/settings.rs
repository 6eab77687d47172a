//! Settings that make no sense.

use super::*;

#[test]
fn settings_that_make_no_sense_are_refused() {
    let refused = |change: fn(&mut Settings)| {
        let mut settings = Settings::default();
        change(&mut settings);
        SessionManager::new(
            MemorySessionStore::default(),
            SealingKey::generate(),
            settings,
        )
        .err()
    };
    let too_short = |setting| Some(SettingsError::TooShort { setting });
    assert_eq!(refused(|_| {}), None);
    assert_eq!(
        refused(|s| s.absolute_timeout = Some(Duration::ZERO)),
        too_short("absolute timeout")
    );
    assert_eq!(
        refused(|s| s.signed_in_absolute_timeout = Some(Duration::ZERO)),
        too_short("absolute timeout")
    );
    assert_eq!(
        refused(|s| s.max_persistence = Duration::ZERO),
        too_short("maximum persistence")
    );
    assert_eq!(
        refused(|s| s.recent_authentication = Duration::ZERO),
        too_short("age of a recent authentication")
    );
    assert_eq!(
        refused(|s| {
            let never = PersistentSession::default().session_ttl(time::Duration::ZERO);
            s.signed_in_lifecycle = Some(never.into());
        }),
        too_short("time to live")
    );
    assert_eq!(
        refused(|s| s.store_timeout = Duration::ZERO),
        too_short("store timeout")
    );
    assert_eq!(
        refused(|s| s.absolute_timeout = Some(Duration::from_micros(999))),
        too_short("absolute timeout")
    );
    assert_eq!(
        refused(|s| s.absolute_timeout = Some(Duration::from_millis(1))),
        None
    );
    assert_eq!(
        refused(|s| {
            s.lifecycle = PersistentSession::default()
                .session_ttl(time::Duration::seconds(-5))
                .into();
        }),
        too_short("time to live")
    );
    for fraction in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        let settings = Settings {
            touch_fraction: fraction,
            ..Settings::default()
        };
        assert_eq!(settings.check(), Err(SettingsError::TouchFraction));
    }
    assert_eq!(
        refused(|s| s.rotation_interval = Some(Duration::ZERO)),
        too_short("rotation interval")
    );
    // The grace period and the allowance are 30 seconds each.
    let least = Duration::from_secs(120);
    assert_eq!(
        refused(|s| s.rotation_interval = Some(Duration::from_millis(119_999))),
        Some(SettingsError::RotationInterval { least })
    );
    assert_eq!(
        refused(|s| s.rotation_interval = Some(Duration::from_secs(120))),
        None
    );
    assert_eq!(
        refused(|s| s.on_store_failure = StoreFailurePolicy::Respond { status: 200 }),
        Some(SettingsError::Status { status: 200 })
    );
    assert!(matches!(
        refused(|s| s.cookie_name = String::new()),
        Some(SettingsError::Cookie(_))
    ));
}

#[cfg(feature = "cookie-session")]
#[test]
fn a_store_without_secrets_refuses_to_rotate_them() {
    let settings = Settings {
        rotation_interval: Some(Duration::from_secs(3600)),
        ..Settings::default()
    };
    let key = SealingKey::generate();
    let refused = SessionManager::new(crate::storage::CookieSessionStore::default(), key, settings);
    assert_eq!(refused.err(), Some(SettingsError::NoSecrets));
}
