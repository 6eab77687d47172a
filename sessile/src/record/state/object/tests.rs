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
