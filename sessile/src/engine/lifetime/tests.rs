use super::*;
use crate::config::{BrowserSession, PersistentSession};

/// The lifetime of these settings, for guests and signed-in users.
fn lived(lifecycle: SessionLifecycle, absolute: Option<Duration>, fraction: f64) -> Lifetime {
    Lifetime::new(&Settings {
        lifecycle,
        absolute_timeout: absolute,
        touch_fraction: fraction,
        ..Settings::default()
    })
}

const START: Timestamp = Timestamp::from_unix_millis(1_000_000);

fn at(seconds: u64) -> Timestamp {
    START.saturating_add(Duration::from_secs(seconds))
}

fn record(created: u64, touched: u64) -> Record {
    let mut record = Record::new(at(created));
    record.used_at = at(touched);
    record.ends_at = Timestamp::MAX;
    record
}

fn browser(policy: TtlExtensionPolicy) -> SessionLifecycle {
    BrowserSession::default()
        .state_ttl(time::Duration::seconds(100))
        .state_ttl_extension_policy(policy)
        .into()
}

fn persistent(policy: TtlExtensionPolicy) -> SessionLifecycle {
    PersistentSession::default()
        .session_ttl(time::Duration::seconds(100))
        .session_ttl_extension_policy(policy)
        .into()
}

use TtlExtensionPolicy::{OnEveryRequest, OnStateChanges};

#[test]
fn idle_time_counts_from_the_last_touch() {
    let lifetime = lived(browser(OnStateChanges), None, 0.1);
    assert!(!lifetime.has_ended(&record(0, 50), at(149)));
    assert!(lifetime.has_ended(&record(0, 50), at(150)));
    assert_eq!(
        lifetime.ttl(&record(0, 50), at(60)),
        Duration::from_secs(90) + SLACK
    );
    assert_eq!(lifetime.ttl(&record(0, 50), at(500)), SLACK);
}

#[test]
fn absolute_time_counts_from_creation_whatever_is_touched() {
    let absolute = Some(Duration::from_secs(120));
    let lifetime = lived(persistent(OnStateChanges), absolute, 0.1);
    assert!(!lifetime.has_ended(&record(0, 119), at(119)));
    assert!(lifetime.has_ended(&record(0, 119), at(120)));
    assert_eq!(
        lifetime.max_age(&record(0, 0), at(90)),
        Some(Duration::from_secs(30))
    );
    assert_eq!(
        lifetime.max_age(&record(0, 0), at(10)),
        Some(Duration::from_secs(100))
    );
}

#[test]
fn a_used_session_never_ends_before_its_idle_timeout() {
    let lifetime = lived(persistent(OnEveryRequest), None, 0.1);
    // Used last at 9 s, when no touch was due yet: it is promised until 109 s.
    assert_eq!(lifetime.on_read(&record(0, 0), || at(9)), OnRead::Reissue);
    assert!(!lifetime.has_ended(&record(0, 0), at(109)));
    assert!(lifetime.has_ended(&record(0, 0), at(110)));
}

#[test]
fn reads_touch_once_in_a_fraction() {
    let lifetime = lived(persistent(OnEveryRequest), None, 0.1);
    assert_eq!(lifetime.on_read(&record(0, 0), || at(10)), OnRead::Touch);
    let always = lived(persistent(OnEveryRequest), None, 0.0);
    assert_eq!(always.on_read(&record(0, 0), || at(0)), OnRead::Touch);
    let browser_kept = lived(browser(OnEveryRequest), None, 0.1);
    assert_eq!(
        browser_kept.on_read(&record(0, 0), || at(9)),
        OnRead::Reissue
    );
    let undated = Record::undated(crate::record::State::default(), at(9));
    assert_eq!(browser_kept.on_read(&undated, || at(9)), OnRead::Touch);
    let changes_only = lived(persistent(OnStateChanges), None, 0.1);
    assert_eq!(changes_only.on_read(&undated, || at(99)), OnRead::Nothing);
    assert_eq!(
        changes_only.on_read(&record(0, 0), || at(99)),
        OnRead::Nothing
    );
}

#[test]
fn a_clock_that_runs_behind_does_not_end_a_session() {
    let lifetime = lived(persistent(OnEveryRequest), None, 0.1);
    assert!(!lifetime.has_ended(&record(100, 100), at(0)));
}

/// The store removes the record by its own clock.
#[test]
fn a_read_by_a_clock_that_runs_behind_extends_the_life_in_the_store() {
    let lifetime = lived(persistent(OnEveryRequest), None, 0.1);
    for (now, expected) in [
        (0, OnRead::Touch),
        (39, OnRead::Touch),
        (40, OnRead::Reissue),
        (109, OnRead::Reissue),
        (110, OnRead::Touch),
    ] {
        let read = lifetime.on_read(&record(100, 100), || at(now));
        assert_eq!(read, expected, "{now}");
    }
}

#[test]
fn the_longest_durations_do_not_overflow() {
    let forever: SessionLifecycle = PersistentSession::default()
        .session_ttl(time::Duration::MAX)
        .session_ttl_extension_policy(OnEveryRequest)
        .into();
    let lifetime = lived(forever, Some(Duration::MAX), 1.0);
    let day = 24 * 3600;
    assert!(!lifetime.has_ended(&record(0, 0), at(400 * day - 1)));
    assert!(lifetime.has_ended(&record(0, 0), at(400 * day)));
}

#[test]
fn the_end_in_the_record_counts_if_it_is_earlier() {
    let lifetime = lived(persistent(OnStateChanges), None, 0.1);
    let mut record = record(0, 0);
    record.ends_at = at(50);
    assert!(!lifetime.has_ended(&record, at(49)));
    assert!(lifetime.has_ended(&record, at(50)));
    record.ends_at = at(500);
    assert!(lifetime.has_ended(&record, at(100)));
}

#[test]
fn a_time_to_live_is_never_longer_than_the_lifetime_and_the_slack() {
    let lifetime = lived(persistent(OnStateChanges), None, 0.1);
    // Used an hour ahead of this server's clock.
    let ahead = record(3600, 3600);
    assert_eq!(
        lifetime.ttl(&ahead, at(0)),
        Duration::from_secs(100) + SLACK
    );
    assert!(!lifetime.has_ended(&ahead, at(0)));
}

#[test]
fn a_session_created_more_than_a_day_ahead_has_ended() {
    let day = 24 * 3600;
    let lifetime = lived(persistent(OnStateChanges), None, 0.1);
    assert!(!lifetime.has_ended(&record(day, day), at(0)));
    assert!(lifetime.has_ended(&record(day + 1, 0), at(0)));
    assert!(lifetime.has_ended(&record(5 * 365 * day, 5 * 365 * day), at(0)));
}

#[test]
fn a_max_age_is_400_days_at_most() {
    let forever = PersistentSession::default().session_ttl(time::Duration::MAX);
    let lifetime = lived(forever.into(), None, 0.1);
    let days = |days: u64| Some(Duration::from_secs(days * 24 * 3600));
    assert_eq!(lifetime.max_age(&record(0, 0), at(0)), days(400));
}

/// A record whose user signed in at this second, with these further members.
fn signed_in(created: u64, touched: u64, signed_in: u64, members: &str) -> Record {
    let text = record(created, touched).encode();
    let millis = at(signed_in).as_unix_millis();
    let open = text.strip_suffix('}').unwrap();
    let text = format!(r#"{open},"sub":"ferris","in":{millis}{members}}}"#);
    Record::decode(text.as_bytes()).unwrap()
}

#[test]
fn absolute_time_of_a_signed_in_session_counts_from_the_sign_in() {
    let absolute = Some(Duration::from_secs(120));
    let from_sign_in = lived(persistent(OnStateChanges), absolute, 0.1);
    let from_creation = Lifetime::new(&Settings {
        lifecycle: persistent(OnStateChanges),
        absolute_timeout: absolute,
        absolute_timeout_from: AbsoluteTimeoutFrom::Creation,
        ..Settings::default()
    });
    let record = signed_in(0, 150, 50, "");
    for (lifetime, last) in [(from_sign_in, 169), (from_creation, 119)] {
        assert!(!lifetime.has_ended(&record, at(last)));
        assert!(lifetime.has_ended(&record, at(last + 1)));
        assert_eq!(lifetime.ends_at(&record), at(last + 1));
        let left = lifetime.max_age(&record, at(last));
        assert_eq!(left, Some(Duration::from_secs(1)));
    }
}

#[test]
fn signed_in_sessions_may_have_other_timeouts_than_guests() {
    let lifetime = Lifetime::new(&Settings {
        lifecycle: persistent(OnStateChanges),
        signed_in_lifecycle: Some(
            BrowserSession::default()
                .state_ttl(time::Duration::seconds(1000))
                .state_ttl_extension_policy(OnEveryRequest)
                .into(),
        ),
        absolute_timeout: Some(Duration::from_secs(120)),
        signed_in_absolute_timeout: Some(Duration::from_secs(5000)),
        touch_fraction: 0.1,
        ..Settings::default()
    });
    let guest = record(0, 0);
    assert_eq!(lifetime.ends_at(&guest), at(100));
    assert_eq!(lifetime.on_read(&guest, || at(99)), OnRead::Nothing);
    assert_eq!(
        lifetime.max_age(&guest, at(0)),
        Some(Duration::from_secs(100))
    );
    let user = signed_in(0, 4500, 0, "");
    assert_eq!(lifetime.ends_at(&user), at(5000));
    assert_eq!(lifetime.ends_at(&signed_in(0, 0, 0, "")), at(1100));
    assert_eq!(lifetime.on_read(&user, || at(4600)), OnRead::Touch);
    assert_eq!(lifetime.max_age(&user, at(4500)), None);
    assert!(lifetime.reading_extends_any());
}

/// In milliseconds: idle 200 seconds, absolute 300 seconds, kept by the browser.
const OWN: &str = r#","life":{"i":200000,"a":300000,"p":true}"#;

#[test]
fn a_lifetime_of_its_own_replaces_the_settings() {
    let lifetime = lived(browser(OnStateChanges), Some(Duration::from_secs(50)), 0.1);
    let own = signed_in(0, 0, 0, OWN);
    assert!(!lifetime.has_ended(&own, at(199)));
    assert!(lifetime.has_ended(&own, at(200)));
    assert_eq!(
        lifetime.max_age(&own, at(0)),
        Some(Duration::from_secs(200))
    );
    let used = signed_in(0, 250, 0, OWN);
    assert!(!lifetime.has_ended(&used, at(299)));
    assert!(lifetime.has_ended(&used, at(300)));
    assert_eq!(
        lifetime.max_age(&used, at(250)),
        Some(Duration::from_secs(50))
    );
    assert_eq!(lifetime.max_age(&signed_in(0, 0, 0, ""), at(0)), None);
    assert!(lifetime.cookies_differ(&used, &signed_in(0, 0, 0, "")));
    assert!(!lifetime.cookies_differ(&used, &own));
}

#[test]
fn a_lifetime_of_its_own_is_touched_in_its_own_interval() {
    let lifetime = lived(browser(OnEveryRequest), None, 0.1);
    let own = signed_in(0, 0, 0, r#","life":{"i":2000000,"a":null,"p":true}"#);
    assert_eq!(lifetime.on_read(&own, || at(199)), OnRead::Reissue);
    assert_eq!(lifetime.on_read(&own, || at(200)), OnRead::Touch);
    assert_eq!(lifetime.ends_at(&own), at(2200));
}

#[test]
fn a_lifetime_of_its_own_is_not_longer_than_the_maximum() {
    let capped = |max_persistence| {
        let lifetime = Lifetime::new(&Settings {
            max_persistence,
            ..Settings::default()
        });
        let forever = format!(r#","life":{{"i":{},"a":null,"p":true}}"#, u64::MAX);
        let unused = signed_in(0, 0, 0, &forever);
        // Used until the end.
        let used = signed_in(0, 900 * 24 * 3600, 0, &forever);
        let max_age = lifetime.max_age(&unused, at(0));
        (lifetime.ends_at(&unused), lifetime.ends_at(&used), max_age)
    };
    let hundred = Duration::from_secs(100);
    assert_eq!(capped(hundred), (at(100), at(100), Some(hundred)));
    let days = Duration::from_secs(400 * 24 * 3600);
    let end = at(400 * 24 * 3600);
    assert_eq!(capped(days), (end, end, Some(days)));
    assert_eq!(capped(Duration::MAX), (end, end, Some(days)));
}

#[test]
fn without_a_touch_fraction_idle_timeouts_are_exact() {
    let lifetime = lived(persistent(OnEveryRequest), None, 0.0);
    assert!(!lifetime.has_ended(&record(0, 50), at(149)));
    assert!(lifetime.has_ended(&record(0, 50), at(150)));
}
