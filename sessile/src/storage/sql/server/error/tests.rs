//! Tests of what errors leave open.

use super::{StoreErrorKind::Unavailable, *};

#[test]
fn only_what_certainly_did_not_happen_is_marked_as_not_sent() {
    let timed_out = || Fault::TimedOut(Duration::from_secs(1));
    let reported = |meaning| Fault::reported(meaning, Message::new("code", "text"));
    let connection = || Fault::connection(std::io::Error::other("cut"));
    for (fault, may_have_happened) in [
        (timed_out(), true),
        (connection(), true),
        (Fault::Unreadable, true),
        (Fault::Unknown, true),
        (timed_out().not_connected(), false),
        (connection().not_connected(), false),
        (Fault::Overtaken, false),
        (Fault::ReadOnly, false),
        (reported(Meaning::Ended), true),
        #[cfg(feature = "mysql-session")]
        (reported(Meaning::Closed(Unavailable)), false),
        (reported(Meaning::Value), false),
        (reported(Meaning::Failed(Unavailable)), false),
    ] {
        let text = fault.to_string();
        let error = StoreError::from(fault);
        assert_eq!(error.may_have_happened(), may_have_happened, "{text}");
    }
}

#[test]
fn a_repeat_leaves_open_whether_the_first_attempt_happened() {
    let refused = Fault::TimedOut(Duration::ZERO).not_connected();
    let error = refused.after_repeat();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.may_have_happened());
}
