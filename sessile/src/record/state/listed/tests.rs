use super::*;

#[test]
fn what_was_read_from_a_text_stays_there() {
    let text = "a bc";
    let part = Part::of(text, &text[2..]);
    assert!(matches!(part, Part::Here { start: 2, end: 4 }));
    for elsewhere in ["bc", "", "something longer than that"] {
        let elsewhere = elsewhere.to_owned();
        let part = Part::of(text, &elsewhere);
        assert!(matches!(part, Part::Elsewhere(copy) if *copy == *elsewhere));
    }
}

#[test]
fn what_is_too_far_away_is_not_told_by_its_place() {
    let far = u32::MAX as usize;
    assert!(Part::here(&(0..far)).is_some());
    assert!(Part::here(&(0..far + 1)).is_none());
    assert!(Part::here(&(far + 1..far + 2)).is_none());
}

/// Which is why four of them may be in one place with what counts their owners.
#[test]
fn an_entry_is_small() {
    assert!(size_of::<Entry>() <= 32);
}

#[test]
fn what_is_like_it_is_not_the_same() {
    let buffer: Arc<str> = "ab ab".into();
    let text = Text::at(&buffer, 0..2);
    assert!(text.is(&buffer[0..2]) && text.is(&text.clone()));
    for other in [&buffer[3..5], &buffer[0..1], "ab"] {
        assert!(!text.is(other));
    }
}
