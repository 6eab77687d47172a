use std::collections::HashMap;

use super::*;

#[test]
fn the_first_special_byte_is_found_wherever_it_is() {
    let is_special = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    for len in 0..20 {
        for at in 0..len {
            for (byte, behind) in (0..=u8::MAX).zip([b'a', b'"', 0, b'!', 0xff].iter().cycle()) {
                let mut bytes = vec![b'#'; len];
                bytes[at..].fill(*behind);
                bytes[at] = byte;
                let expected = bytes.iter().position(|&byte| is_special(byte));
                assert_eq!(first_special(&bytes), expected, "{bytes:?}");
            }
        }
    }
}

#[test]
fn errors_tell_kind_and_place() {
    assert_eq!(
        parse::<u32>("\"x\""),
        Err(JsonError::Shape { line: 1, column: 3 })
    );
    assert_eq!(
        parse::<u32>("1x"),
        Err(JsonError::Syntax { line: 1, column: 2 })
    );
    assert_eq!(
        to_text(&HashMap::from([(vec![1], 1)])),
        Err(JsonError::Unserializable)
    );
}

#[test]
fn what_no_value_can_hold_comes_back_as_its_text() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let large = u128::MAX.to_string();
    let nested = format!(r#"{{"a":[1,-{large}]}}"#);
    for text in [&deep, "1e+999", "18446744073709551616", &large, &nested] {
        let shown = match value_of(text) {
            Value::String(shown) => shown,
            // With `arbitrary_precision`, a value holds every number.
            exact => exact.to_string(),
        };
        assert_eq!(shown, text);
    }
    assert_eq!(value_of("[1]"), Value::from(vec![1]));
    assert_eq!(value_of("18446744073709551615"), Value::from(u64::MAX));
    assert_eq!(value_of("-9223372036854775808"), Value::from(i64::MIN));
    let quoted = format!(r#"["{large}", "\"{large}"]"#);
    assert_eq!(value_of(&quoted)[0], Value::from(large));
    assert!(value_of("[0.30000000000000000000004, 1.5]").is_array());
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(Value::from(1), |inner, _| Value::from(vec![inner]))
}

#[test]
fn nesting_that_is_too_deep_to_be_read_back_is_refused() {
    let deepest = to_text(&nested(MAX_DEPTH)).unwrap();
    assert_eq!(parse::<Value>(&deepest), Ok(nested(MAX_DEPTH)));
    assert_eq!(to_text(&nested(MAX_DEPTH + 1)), Err(JsonError::TooDeep));
    let objects =
        (0..=MAX_DEPTH).fold(Value::Null, |inner, _| serde_json::json!({ "a\"]": inner }));
    assert_eq!(to_text(&objects), Err(JsonError::TooDeep));
    // Brackets in a string are no levels, and neighbours are no nesting.
    let flat = (vec!["[{\\\"[".repeat(100); 3], vec![[0; 1]; 300]);
    let text = to_text(&flat).unwrap();
    assert_eq!(parse(&text), Ok(flat));
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape<T> {
    Unit,
    Newtype(T),
    Tuple(T, u8),
    Struct { part: T },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Wrapped<T>(T);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Pair<T>(T, T);

/// `value` is refused wherever it is.
fn assert_refused<T: Serialize + Clone>(value: T) {
    fn refused(value: &impl Serialize) {
        assert_eq!(to_text(value), Err(JsonError::Unserializable));
    }
    refused(&value);
    refused(&vec![value.clone()]);
    refused(&(1, value.clone()));
    refused(&HashMap::from([("a", value.clone())]));
    refused(&Some(Wrapped(value.clone())));
    refused(&Pair(value.clone(), value.clone()));
    refused(&Shape::Newtype(value.clone()));
    refused(&Shape::Tuple(value.clone(), 1));
    refused(&Shape::Struct { part: value });
}

#[test]
fn a_value_that_would_be_read_back_as_another_is_refused() {
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_refused(number);
        assert_refused(number as f32);
    }
    assert_refused(Some(None::<u8>));
    assert_refused(Some(()));
}

#[track_caller]
fn assert_read_back<T>(value: T)
where
    T: Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let text = to_text(&value).unwrap();
    assert_eq!(parse::<T>(&text).as_ref(), Ok(&value), "{text}");
}

#[test]
fn a_null_that_loses_nothing_is_read_back() {
    assert_read_back(());
    assert_read_back(Unit);
    assert_read_back(None::<u8>);
    assert_read_back(vec![Some(1), None]);
    assert_read_back([Shape::Newtype(None), Shape::Newtype(Some(1)), Shape::Unit]);
    assert_read_back(Shape::Tuple((), 1));
    assert_read_back(Shape::Struct {
        part: Wrapped(None::<u8>),
    });
    assert_read_back(Some("null".to_owned()));
    assert_read_back(serde_json::json!({"a": null, "b": [null, true, 1.5, "x"]}));
}

#[test]
fn numbers_are_read_back_exactly() {
    for number in [
        1.577777777777001,
        0.1,
        -0.0,
        f64::MAX,
        f64::MIN_POSITIVE,
        5e-324,
        1e23,
    ] {
        assert_read_back(number);
        if (number as f32).is_finite() {
            assert_read_back(number as f32);
        }
        let value = value_of(&to_text(&number).unwrap());
        assert_eq!(value.as_f64().map(f64::to_bits), Some(number.to_bits()));
    }
    assert_read_back((u128::MAX, i128::MIN, u64::MAX, i64::MIN));
}

proptest::proptest! {
    #[test]
    fn every_finite_number_is_read_back_exactly(number: f64, small: f32) {
        let text = to_text(&(number, small)).unwrap();
        let (read, read_small): (f64, f32) = parse(&text).unwrap();
        assert_eq!((read.to_bits(), read_small.to_bits()), (number.to_bits(), small.to_bits()));
    }
}

#[test]
fn a_number_out_of_range_is_reported_as_such() {
    let out_of_range = |column| JsonError::OutOfRange { line: 1, column };
    assert_eq!(parse::<f64>("1e400"), Err(out_of_range(5)));
    assert_eq!(parse::<Vec<f64>>("[1,-1e400]"), Err(out_of_range(9)));
    assert!(matches!(
        parse::<u64>(&u128::MAX.to_string()),
        Err(JsonError::Shape { .. })
    ));
    assert!(matches!(
        parse::<f64>("1e400x"),
        Err(JsonError::Syntax { .. })
    ));
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
