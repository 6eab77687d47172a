use super::*;

fn state_of(entries: &[(&str, &str)]) -> State {
    let mut state = State::default();
    for (name, text) in entries {
        set(&mut state, name, text);
    }
    state
}

fn set(state: &mut State, name: &str, text: &str) {
    state.set(&name.into(), text.into());
}

#[test]
fn json_round_trip_keeps_names_and_texts() {
    let state = state_of(&[("a\"b\\\n", "[1, 2]"), ("ключ", "\"ü\""), ("", "null")]);
    let mut json = String::new();
    state.write_json(&mut json);
    assert_eq!(State::from_json(&json), state);
}

fn shared(one: &State, other: &State) -> bool {
    one.list.as_ref().map(Arc::as_ptr) == other.list.as_ref().map(Arc::as_ptr)
}

#[test]
fn names_are_in_order_whatever_order_they_came_in() {
    let names: Vec<String> = (0..100).map(|n| (n * 37 % 100).to_string()).collect();
    let mut state = State::default();
    for name in &names {
        set(&mut state, name.as_str(), "1");
    }
    let mut sorted = names.clone();
    sorted.sort();
    assert!(state.iter().map(|(name, _)| name).eq(&sorted));
    for (left, name) in names.iter().enumerate().rev() {
        assert!(state.remove(name).is_some());
        assert_eq!(state.len(), left);
    }
    assert_eq!(state, State::default());
}

#[test]
fn clones_share_until_one_changes() {
    let original = state_of(&[("a", "1")]);
    let mut copy = original.clone();
    assert!(shared(&original, &copy));
    set(&mut copy, "b", "2");
    assert!(!shared(&original, &copy));
    assert_eq!(original, state_of(&[("a", "1")]));
    assert_eq!(copy, state_of(&[("a", "1"), ("b", "2")]));
}

#[test]
fn removing_what_is_not_there_copies_nothing() {
    let original = state_of(&[("a", "1")]);
    let mut copy = original.clone();
    assert!(copy.remove("b").is_none());
    assert!(shared(&original, &copy));
}

#[test]
fn a_compacted_state_equals_the_original() {
    let mut state = State::from_json(r#"{"a":1,"b":{"c":"ü"},"":"","ü":null}"#);
    set(&mut state, "d", "\"new\"");
    let compacted = state.compacted();
    assert_eq!(compacted, state);
    assert_eq!(compacted.byte_len(), state.byte_len());
    let mut changed = compacted.clone();
    set(&mut changed, "a", "2");
    assert_eq!(changed.remove("b").as_deref(), state.text("b"));
    assert_eq!(compacted, state);
    assert_eq!(
        changed,
        State::from_json(r#"{"a":2,"d":"new","":"","ü":null}"#)
    );
}

#[test]
fn a_state_is_compacted_in_three_allocations_and_not_twice() {
    let mut state = state_of(&[("a", "1"), ("b", "\"two\""), ("c", "3"), ("d", "4")]);
    let compacted = |state: &State| {
        let mut compacted = None;
        let counts = allocation_counter::measure(|| compacted = Some(state.compacted()));
        (counts.count_total, compacted.unwrap())
    };
    let (count, once) = compacted(&state);
    assert_eq!(count, 3);
    let (count, twice) = compacted(&once);
    assert_eq!(count, 0);
    assert!(shared(&once, &twice));

    // A list that has grown and shrunk again has room that nothing needs.
    state = once.clone();
    set(&mut state, "e", "5");
    state.remove("e");
    assert_eq!((state == once, compacted(&state).0), (true, 3));
}

#[test]
fn a_state_of_which_one_short_value_was_replaced_stays_as_it_is() {
    let compact = state_of(&[("a", "1"), ("b", "\"two\""), ("c", "3")]).compacted();
    let replaced = |values: &[(&str, &str)]| {
        let mut state = compact.clone();
        for (name, text) in values {
            set(&mut state, name, text);
        }
        shared(&state, &state.compacted())
    };
    assert!(replaced(&[("a", "2")]));
    assert!(replaced(&[("a", "2"), ("a", &"3".repeat(1000))]));
    assert!(!replaced(&[("a", "2"), ("c", "4")]));
    assert!(!replaced(&[("d", "5")]));

    let long = state_of(&[("a", &"1".repeat(50))]).compacted();
    let mut shortened = long.clone();
    set(&mut shortened, "a", "1");
    assert!(!shared(&shortened, &shortened.compacted()));
}

#[test]
fn an_empty_state_takes_no_memory() {
    let mut state = state_of(&[("a", "1")]);
    state.remove("a");
    assert!(state.compacted().list.is_none());
    assert_eq!(state.compacted(), State::default());
}

#[test]
fn byte_len_counts_names_and_texts() {
    assert_eq!(State::default().byte_len(), 0);
    let mut state = state_of(&[("ab", "123"), ("c", "\"x\""), ("ab", "1"), ("d", "")]);
    assert_eq!(state.byte_len(), 2 + 1 + 1 + 3 + 1);
    assert_eq!(State::from_json(r#"{"ab":1,"ab":12}"#).byte_len(), 4);
    state.remove("ab");
    state.remove("missing");
    assert_eq!(state.byte_len(), 5);
    state.clear();
    assert_eq!(state.byte_len(), 0);
}

#[test]
fn debug_shows_no_values() {
    let debug = format!("{:?}", state_of(&[("card", "\"4111\"")]));
    assert!(debug.contains("card") && !debug.contains("4111"));
}

#[test]
fn a_position_beyond_u32_is_not_stored_as_a_range() {
    let far = u32::MAX as usize;
    assert!(Part::here(&(0..far)).is_some());
    assert!(Part::here(&(0..far + 1)).is_none());
    assert!(Part::here(&(far + 1..far + 2)).is_none());
}

/// So four entries can be in the same allocation as their reference count.
#[test]
fn an_entry_is_small() {
    assert!(size_of::<Entry>() <= 32);
}
