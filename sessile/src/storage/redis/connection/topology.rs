//! [`Topology`]: which node of a cluster serves which slots.

use redis::Value;

use super::super::location::Host;

/// Which node serves which slots, according to one of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Topology {
    /// Slots, from the first to the last one, and their master. Later ones count before earlier
    /// ones.
    ranges: Vec<(u16, u16, Host)>,
}

impl Topology {
    /// Parses the answer of the node at `teller` to `CLUSTER SLOTS`.
    pub(super) fn parse(answer: &Value, teller: &Host) -> Option<Self> {
        let Value::Array(ranges) = answer else {
            return None;
        };
        let ranges = ranges.iter().map(|range| parse_range(range, teller));
        let ranges = ranges.collect::<Option<_>>()?;
        Some(Self { ranges })
    }

    /// The same with another owner of one slot.
    pub(super) fn with(&self, slot: u16, host: &Host) -> Self {
        let mut ranges = self.ranges.clone();
        ranges.retain(|(first, last, _)| (*first, *last) != (slot, slot));
        ranges.push((slot, slot, host.clone()));
        Self { ranges }
    }

    pub(super) fn owner(&self, slot: u16) -> Option<&Host> {
        let mut newest_first = self.ranges.iter().rev();
        let range = newest_first.find(|(first, last, _)| (*first..=*last).contains(&slot));
        range.map(|(.., host)| host)
    }

    pub(super) fn has(&self, host: &Host) -> bool {
        self.ranges.iter().any(|(.., owner)| owner == host)
    }

    /// All masters, each once.
    pub(super) fn hosts(&self) -> Vec<&Host> {
        let mut hosts: Vec<&Host> = self.ranges.iter().map(|(.., host)| host).collect();
        hosts.sort_unstable_by_key(|host| (&host.name, host.port));
        hosts.dedup();
        hosts
    }
}

/// `[first, last, [name, port, …], …]`: the master comes before its replicas.
fn parse_range(range: &Value, teller: &Host) -> Option<(u16, u16, Host)> {
    let Value::Array(parts) = range else {
        return None;
    };
    let [
        Value::Int(first),
        Value::Int(last),
        Value::Array(master),
        ..,
    ] = parts.as_slice()
    else {
        return None;
    };
    let name = match master.first()? {
        Value::BulkString(name) if !name.is_empty() => std::str::from_utf8(name).ok()?,
        // The node that was asked doesn't know its own address.
        Value::BulkString(_) | Value::Nil => &teller.name,
        _ => return None,
    };
    let Value::Int(port) = master.get(1)? else {
        return None;
    };
    let host = Host {
        name: name.to_owned(),
        port: u16::try_from(*port).ok()?,
    };
    Some((
        u16::try_from(*first).ok()?,
        u16::try_from(*last).ok()?,
        host,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(port: u16) -> Host {
        Host {
            name: "10.0.0.1".into(),
            port,
        }
    }

    fn node(name: &str, port: i64) -> Value {
        Value::Array(vec![
            Value::BulkString(name.into()),
            Value::Int(port),
            Value::BulkString("id".into()),
        ])
    }

    fn range(first: i64, last: i64, nodes: Vec<Value>) -> Value {
        let mut parts = vec![Value::Int(first), Value::Int(last)];
        parts.extend(nodes);
        Value::Array(parts)
    }

    #[test]
    fn masters_own_the_slots() {
        let answer = Value::Array(vec![
            range(0, 99, vec![node("10.0.0.1", 1), node("10.0.0.1", 9)]),
            range(200, 16383, vec![node("", 2)]),
        ]);
        let topology = Topology::parse(&answer, &host(7)).unwrap();
        assert_eq!(topology.owner(0), Some(&host(1)));
        assert_eq!(topology.owner(99), Some(&host(1)));
        assert_eq!(topology.owner(100), None);
        assert_eq!(topology.owner(16383), Some(&host(2)));
        assert_eq!(topology.hosts(), [&host(1), &host(2)]);
        assert!(topology.has(&host(2)) && !topology.has(&host(9)));
    }

    #[test]
    fn a_slot_that_moved_overrides_its_range() {
        let answer = Value::Array(vec![range(0, 16383, vec![node("10.0.0.1", 1)])]);
        let topology = Topology::parse(&answer, &host(1)).unwrap();
        let topology = topology.with(5, &host(2)).with(5, &host(3));
        assert_eq!(topology.owner(5), Some(&host(3)));
        assert_eq!(topology.owner(6), Some(&host(1)));
        assert!(!topology.has(&host(2)));
    }

    #[test]
    fn other_answers_are_no_topology() {
        for answer in [
            Value::Nil,
            Value::Array(vec![Value::Nil]),
            Value::Array(vec![range(0, 1, vec![])]),
            Value::Array(vec![range(0, 70_000, vec![node("h", 1)])]),
            Value::Array(vec![range(0, 1, vec![node("h", -1)])]),
        ] {
            assert_eq!(Topology::parse(&answer, &host(1)), None, "{answer:?}");
        }
    }
}
