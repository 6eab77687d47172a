use super::*;

fn text(text: &str) -> Value {
    Value::BulkString(text.into())
}

fn host(port: u16) -> Host {
    Host {
        name: "10.0.0.1".into(),
        port,
    }
}

fn answer(epoch: u64, port: u16) -> Option<Answer> {
    Some(Answer {
        epoch,
        master: host(port),
    })
}

#[test]
fn the_master_is_a_part_of_what_sentinels_tell() {
    let fields = [
        ("name", "main"),
        ("ip", "10.0.0.1"),
        ("port", "7000"),
        ("flags", "master"),
        ("config-epoch", "3"),
    ];
    let list = fields
        .iter()
        .flat_map(|(name, value)| [text(name), text(value)]);
    let map = fields.iter().map(|(name, value)| (text(name), text(value)));
    assert_eq!(Answer::parse(Value::Array(list.collect())), answer(3, 7000));
    assert_eq!(Answer::parse(Value::Map(map.collect())), answer(3, 7000));
    for reply in [
        Value::Nil,
        Value::Array(vec![text("ip"), text("10.0.0.1")]),
        Value::Array(vec![]),
    ] {
        assert_eq!(Answer::parse(reply.clone()), None, "{reply:?}");
    }
}

#[test]
fn the_answer_with_the_highest_epoch_counts() {
    for (answers, master) in [
        (vec![None, None, None], None),
        (vec![answer(0, 1), None, None], Some(host(1))),
        (
            vec![answer(0, 1), answer(1, 2), answer(0, 1)],
            Some(host(2)),
        ),
        (
            vec![answer(4, 1), answer(3, 2), answer(3, 2)],
            Some(host(1)),
        ),
    ] {
        let answers = Answers(answers);
        assert_eq!(answers.master(), master.as_ref(), "{answers:?}");
    }
}
