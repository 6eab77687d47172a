use super::*;
use crate::config::{BrowserSession, PersistentSession};

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
    let lifetime = Lifetime::new(&browser(OnStateChanges), None, 0.1);
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
    let lifetime = Lifetime::new(&persistent(OnStateChanges), absolute, 0.1);
    assert!(!lifetime.has_ended(&record(0, 119), at(119)));
    assert!(lifetime.has_ended(&record(0, 119), at(120)));
    assert_eq!(
        lifetime.max_age(at(0), || at(90)),
        Some(Duration::from_secs(30))
    );
    assert_eq!(
        lifetime.max_age(at(0), || at(10)),
        Some(Duration::from_secs(100))
    );
}

#[test]
fn a_used_session_never_ends_before_its_idle_timeout() {
    let lifetime = Lifetime::new(&persistent(OnEveryRequest), None, 0.1);
    // Used last at 9 s, when no touch was due yet: it is promised until 109 s.
    assert_eq!(lifetime.on_read(&record(0, 0), || at(9)), OnRead::Reissue);
    assert!(!lifetime.has_ended(&record(0, 0), at(109)));
    assert!(lifetime.has_ended(&record(0, 0), at(110)));
}

#[test]
fn reads_touch_once_in_a_fraction() {
    let lifetime = Lifetime::new(&persistent(OnEveryRequest), None, 0.1);
    assert_eq!(lifetime.on_read(&record(0, 0), || at(10)), OnRead::Touch);
    let always = Lifetime::new(&persistent(OnEveryRequest), None, 0.0);
    assert_eq!(always.on_read(&record(0, 0), || at(0)), OnRead::Touch);
    let browser_kept = Lifetime::new(&browser(OnEveryRequest), None, 0.1);
    assert_eq!(
        browser_kept.on_read(&record(0, 0), || at(9)),
        OnRead::Reissue
    );
    let undated = Record::undated(crate::record::State::default(), at(9));
    assert_eq!(browser_kept.on_read(&undated, || at(9)), OnRead::Touch);
    let changes_only = Lifetime::new(&persistent(OnStateChanges), None, 0.1);
    assert_eq!(changes_only.on_read(&undated, || at(99)), OnRead::Nothing);
    assert_eq!(
        changes_only.on_read(&record(0, 0), || at(99)),
        OnRead::Nothing
    );
}

#[test]
fn a_clock_that_runs_behind_neither_ends_nor_touches() {
    let lifetime = Lifetime::new(&persistent(OnEveryRequest), None, 0.1);
    assert!(!lifetime.has_ended(&record(100, 100), at(0)));
    assert_eq!(
        lifetime.on_read(&record(100, 100), || at(0)),
        OnRead::Reissue
    );
}

#[test]
fn the_longest_durations_do_not_overflow() {
    let forever: SessionLifecycle = PersistentSession::default()
        .session_ttl(time::Duration::MAX)
        .session_ttl_extension_policy(OnEveryRequest)
        .into();
    let lifetime = Lifetime::new(&forever, Some(Duration::MAX), 1.0);
    assert!(!lifetime.has_ended(&record(0, 0), at(1_000_000_000)));
}

#[test]
fn the_end_in_the_record_counts_if_it_is_earlier() {
    let lifetime = Lifetime::new(&persistent(OnStateChanges), None, 0.1);
    let mut record = record(0, 0);
    record.ends_at = at(50);
    assert!(!lifetime.has_ended(&record, at(49)));
    assert!(lifetime.has_ended(&record, at(50)));
    record.ends_at = at(500);
    assert!(lifetime.has_ended(&record, at(100)));
}

#[test]
fn a_time_to_live_is_never_longer_than_the_lifetime_and_the_slack() {
    let lifetime = Lifetime::new(&persistent(OnStateChanges), None, 0.1);
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
    let lifetime = Lifetime::new(&persistent(OnStateChanges), None, 0.1);
    assert!(!lifetime.has_ended(&record(day, day), at(0)));
    assert!(lifetime.has_ended(&record(day + 1, 0), at(0)));
    assert!(lifetime.has_ended(&record(5 * 365 * day, 5 * 365 * day), at(0)));
}

#[test]
fn a_max_age_is_400_days_at_most() {
    let forever = PersistentSession::default().session_ttl(time::Duration::MAX);
    let lifetime = Lifetime::new(&forever.into(), None, 0.1);
    let days = |days: u64| Some(Duration::from_secs(days * 24 * 3600));
    assert_eq!(lifetime.max_age(at(0), || at(0)), days(400));
}

#[test]
fn a_lifetime_of_its_own_replaces_the_settings() {
    let lifetime = Lifetime::new(&persistent(OnStateChanges), None, 0.1);
    let own = br#"{"v":3,"c":1000000,"u":1000000,"x":9000000,"p":0,"s":{},"life":{"i":200000,"a":300000,"p":true}}"#;
    let mut own = Record::decode(own).unwrap();
    assert!(!lifetime.has_ended(&own, at(199)));
    assert!(lifetime.has_ended(&own, at(200)));
    own.used_at = at(250);
    assert!(!lifetime.has_ended(&own, at(299)));
    assert!(lifetime.has_ended(&own, at(300)));
}
