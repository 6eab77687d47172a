use super::*;
use crate::{
    error::MergeCause,
    record::{Payload, json, state::State},
};

fn increment(default: Option<&str>) -> Update {
    Update {
        default: default.map(Into::into),
        updater: Arc::new(|text| json::to_text(&(json::parse::<i64>(text)? + 1))),
    }
}

fn name(name: &str) -> Arc<str> {
    name.into()
}

fn replayed(journal: &Journal, on: &str) -> State {
    let mut payload = Payload::of_state(State::from_json(on));
    journal.replay(&mut payload).unwrap();
    payload.state
}

#[test]
fn changes_are_replayed_on_a_newer_state() {
    let mut journal = Journal::default();
    drop(journal.set(&name("user"), "\"ferris\"".into()));
    drop(journal.remove(&name("gone")));
    journal.update(&name("n"), increment(Some("1")), "2".into());
    journal.update(&name("new"), increment(Some("1")), "1".into());
    journal.update(&name("missing"), increment(None), "1".into());
    assert_eq!(
        replayed(&journal, r#"{"gone":1,"n":41,"other":true}"#),
        State::from_json(r#"{"n":42,"new":1,"other":true,"user":"ferris"}"#)
    );
}

#[test]
fn clearing_removes_what_others_stored_as_well() {
    let mut journal = Journal::default();
    drop(journal.set(&name("a"), "1".into()));
    drop(journal.clear());
    assert!(!journal.is_empty());
    drop(journal.set(&name("b"), "2".into()));
    assert_eq!(
        replayed(&journal, r#"{"a":1,"c":3}"#),
        State::from_json(r#"{"b":2}"#)
    );
}

#[test]
fn an_update_of_a_value_that_was_set_is_a_value_that_was_set() {
    let mut journal = Journal::default();
    drop(journal.set(&name("n"), "1".into()));
    journal.update(&name("n"), increment(None), "2".into());
    assert_eq!(
        replayed(&journal, r#"{"n":7}"#),
        State::from_json(r#"{"n":2}"#)
    );
    // Also after everything, or the name, was removed.
    let mut journal = Journal::default();
    drop(journal.clear());
    journal.update(&name("n"), increment(Some("5")), "5".into());
    assert_eq!(
        replayed(&journal, r#"{"n":7}"#),
        State::from_json(r#"{"n":5}"#)
    );
}

#[test]
fn a_journal_is_bounded_by_the_names_that_were_written() {
    let mut journal = Journal::default();
    for round in 0..200_000 {
        let name = name(["a", "b"][round % 2]);
        drop(journal.set(&name, "1".into()));
        journal.update(&name, increment(None), "2".into());
    }
    assert_eq!(journal.entries.len(), 2);
    assert!(
        journal
            .entries
            .iter()
            .all(|(_, entry)| entry.updates.is_empty())
    );
}

#[test]
fn ten_thousand_names_are_noted_and_replayed() {
    let mut journal = Journal::default();
    for round in 0..20_000 {
        drop(journal.set(&name(&(round % 10_000).to_string()), "1".into()));
    }
    assert_eq!(replayed(&journal, "{}").len(), 10_000);
    drop(journal.remove(&name("1")));
    assert_eq!(replayed(&journal, "{}").len(), 9_999);
}

#[test]
fn appending_is_the_same_as_noting_one_after_the_other() {
    let first = |journal: &mut Journal| {
        drop(journal.set(&name("a"), "1".into()));
        journal.update(&name("b"), increment(None), "2".into());
    };
    let changes: [fn(&mut Journal); 5] = [
        |journal| journal.update(&name("a"), increment(None), "2".into()),
        |journal| journal.update(&name("b"), increment(None), "3".into()),
        |journal| drop(journal.remove(&name("b"))),
        |journal| drop(journal.set(&name("b"), "9".into())),
        |journal| drop(journal.clear()),
    ];
    for change in changes {
        let (mut whole, mut appended, mut later) = Default::default();
        first(&mut whole);
        first(&mut appended);
        change(&mut whole);
        change(&mut later);
        drop(appended.append(later));
        for stored in ["{}", r#"{"a":5,"b":6}"#] {
            assert_eq!(replayed(&whole, stored), replayed(&appended, stored));
        }
    }
}

#[test]
fn a_change_that_does_not_fit_is_named_without_values() {
    let mut journal = Journal::default();
    journal.update(&name("n"), increment(None), "2".into());
    let error = journal.replay(&mut Payload::of_state(State::from_json(r#"{"n":"four"}"#)));
    let error = error.unwrap_err();
    assert_eq!(&*error.name, "n");
    assert!(!format!("{error} {error:?}").contains("four"));
}

#[test]
fn a_closure_that_panics_is_an_error() {
    let mut journal = Journal::default();
    let update = Update {
        default: None,
        updater: Arc::new(|_| panic!("in a closure")),
    };
    journal.update(&name("n"), update, "2".into());
    let error = journal.replay(&mut Payload::of_state(State::from_json(r#"{"n":1}"#)));
    assert_eq!(error.unwrap_err().source, MergeCause::Panicked);
}
