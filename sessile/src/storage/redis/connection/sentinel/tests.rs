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

fn report(epoch: u64, port: u16) -> Option<MasterReport> {
    Some(MasterReport {
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
    assert_eq!(
        MasterReport::parse(Value::Array(list.collect())),
        report(3, 7000)
    );
    assert_eq!(
        MasterReport::parse(Value::Map(map.collect())),
        report(3, 7000)
    );
    for reply in [
        Value::Nil,
        Value::Array(vec![text("ip"), text("10.0.0.1")]),
        Value::Array(vec![]),
    ] {
        assert_eq!(MasterReport::parse(reply.clone()), None, "{reply:?}");
    }
}

#[test]
fn the_report_with_the_highest_epoch_counts() {
    for (reports, master) in [
        (vec![None, None, None], None),
        (vec![report(0, 1), None, None], Some(host(1))),
        (
            vec![report(0, 1), report(1, 2), report(0, 1)],
            Some(host(2)),
        ),
        (
            vec![report(4, 1), report(3, 2), report(3, 2)],
            Some(host(1)),
        ),
    ] {
        let reports = MasterReports(reports);
        assert_eq!(reports.master(), master.as_ref(), "{reports:?}");
    }
}
