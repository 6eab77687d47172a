//! Sessions that take no changes, and those that are restarted or whose changes are discarded.

use super::*;

#[test]
fn a_purged_session_takes_no_changes() {
    let session = Session::new();
    session.insert("n", 1).unwrap();
    session.purge();
    let purged = SessionClosedError::Purged;
    assert_refuses_writes(&session, purged);
    assert_eq!(session.try_renew(), Err(purged));
    assert!(session.entries().is_empty());
    assert_eq!(session.status(), SessionStatus::Purged);
    // A second purge asks for what is done anyway.
    assert_eq!(session.try_purge(), Ok(()));
}

#[test]
fn a_restarted_session_is_empty_and_takes_changes() {
    for purged in [false, true] {
        let session = Session::new();
        session.insert("n", 1).unwrap();
        if purged {
            session.purge();
        }
        session.restart().unwrap();
        assert!(session.entries().is_empty());
        session.insert("m", 1).unwrap();
        assert_eq!(session.status(), SessionStatus::Renewed);
    }
}

#[test]
fn a_discard_leaves_what_was_loaded_and_what_was_asked_for() {
    let session = Session::new();
    session.insert("n", 1).unwrap();
    session.discard();
    assert!(session.entries().is_empty());
    assert_eq!(session.status(), SessionStatus::Unchanged);
    session.insert("n", 1).unwrap();
    session.renew();
    session.discard();
    assert_eq!(session.status(), SessionStatus::Renewed);
    session.purge();
    session.discard();
    assert_eq!(session.status(), SessionStatus::Purged);
}

/// Checks that each way to write is refused for this reason, by those that tell and by those that log.
#[track_caller]
fn assert_refuses_writes(session: &Session, reason: SessionClosedError) {
    let before = session.entries();
    let closed = WriteError::Closed(reason);
    assert_eq!(session.insert("n", 2).unwrap_err().source, closed);
    let updated = session.update("n", |n: u32| n + 1);
    assert_eq!(updated.unwrap_err().source, closed);
    let updated = session.update_or("n", 1, |n: u32| n);
    assert_eq!(updated.unwrap_err().source, closed);
    assert_eq!(session.try_remove("n"), Err(closed));
    assert_eq!(session.try_clear(), Err(closed));
    assert_eq!(session.remove("n"), None);
    assert_eq!(session.remove_as::<u32>("n"), None);
    session.clear();
    assert_eq!(session.entries(), before);
}

#[test]
fn a_closed_session_can_be_read_and_takes_no_changes() {
    let session = Session::new();
    session.insert("n", 1).unwrap();
    session.machine().close();
    let committed = SessionClosedError::Committed;
    assert_refuses_writes(&session, committed);
    assert_eq!(session.try_purge(), Err(committed));
    assert_eq!(session.try_renew(), Err(committed));
    assert_eq!(session.restart(), Err(committed));
    session.purge();
    session.renew();
    assert_eq!(session.get("n").unwrap(), Some(1));
    assert_eq!(session.status(), SessionStatus::Changed);
}
