//! [`Topology`]: which node of a cluster serves which slots.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use redis::Value;

use super::super::{location::Host, slot::SLOTS};

/// Which node serves each slot, according to one of the nodes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Topology {
    /// The master of each slot, if there is one. Empty if the nodes were not asked yet.
    owners: Vec<Option<Arc<Host>>>,
}

impl Topology {
    /// Parses the answer of the node at `asked` to `CLUSTER SLOTS`.
    pub(super) fn parse(answer: &Value, asked: &Host) -> Option<Self> {
        let Value::Array(ranges) = answer else {
            return None;
        };
        let mut owners = vec![None; SLOTS.into()];
        for range in ranges {
            let (first, last, host) = parse_range(range, asked)?;
            owners.get_mut(first..=last)?.fill(Some(Arc::new(host)));
        }
        Some(Self { owners })
    }

    /// The same with another owner of one slot.
    pub(super) fn with(&self, slot: u16, host: &Host) -> Self {
        let mut owners = self.owners.clone();
        owners.resize(SLOTS.into(), None);
        owners[usize::from(slot)] = Some(Arc::new(host.clone()));
        Self { owners }
    }

    pub(super) fn owner(&self, slot: u16) -> Option<&Host> {
        self.owners.get(usize::from(slot))?.as_deref()
    }

    pub(super) fn has(&self, host: &Host) -> bool {
        self.owners.iter().flatten().any(|owner| **owner == *host)
    }

    /// A number that changes with the owners of the slots.
    pub(super) fn layout(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for range in self.owners.chunk_by(|one, next| one == next) {
            (range.len(), &range[0]).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// All masters, each once.
    pub(super) fn hosts(&self) -> Vec<&Host> {
        let ranges = self.owners.chunk_by(|one, next| one == next);
        let mut hosts: Vec<&Host> = ranges.filter_map(|it| it[0].as_deref()).collect();
        hosts.sort_unstable_by_key(|host| (&host.name, host.port));
        hosts.dedup();
        hosts
    }
}

/// The first and the last slot, and their master: `[first, last, [name, port, …], …]`, in which the replicas follow the
/// master.
fn parse_range(range: &Value, asked: &Host) -> Option<(usize, usize, Host)> {
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
        Value::BulkString(_) | Value::Nil => &asked.name,
        _ => return None,
    };
    let Value::Int(port) = master.get(1)? else {
        return None;
    };
    let host = Host {
        name: name.to_owned(),
        port: u16::try_from(*port).ok()?,
    };
    let (first, last) = (usize::try_from(*first).ok()?, usize::try_from(*last).ok()?);
    (first <= last).then_some((first, last, host))
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
    fn two_topologies_are_equal_if_their_slots_have_the_same_owners() {
        let answer = |ranges: &[(i64, i64, i64)]| {
            let ranges = ranges
                .iter()
                .map(|&(first, last, port)| range(first, last, vec![node("10.0.0.1", port)]));
            Topology::parse(&Value::Array(ranges.collect()), &host(1)).unwrap()
        };
        let whole = answer(&[(0, 16383, 1)]);
        assert_eq!(answer(&[(9, 16383, 1), (0, 8, 1)]), whole);

        // As many slots as move at once, and back.
        let moved = (5..305).fold(whole, |topology, slot| topology.with(slot, &host(2)));
        let expected = answer(&[(0, 4, 1), (5, 304, 2), (305, 16383, 1)]);
        assert_eq!(moved, expected);
        assert_eq!(moved.layout(), expected.layout());
        let back = (5..305)
            .rev()
            .fold(moved, |topology, slot| topology.with(slot, &host(1)));
        assert_eq!(back, answer(&[(0, 16383, 1)]));

        let unserved = answer(&[(0, 4, 1)]).with(16383, &host(2));
        assert_eq!(unserved.owner(16383), Some(&host(2)));
        assert_eq!(unserved.owner(16382), None);
    }

    #[test]
    fn other_answers_are_no_topology() {
        for answer in [
            Value::Nil,
            Value::Array(vec![Value::Nil]),
            Value::Array(vec![range(0, 1, vec![])]),
            Value::Array(vec![range(0, 70_000, vec![node("h", 1)])]),
            Value::Array(vec![range(0, 16_384, vec![node("h", 1)])]),
            Value::Array(vec![range(2, 1, vec![node("h", 1)])]),
            Value::Array(vec![range(0, 1, vec![node("h", -1)])]),
        ] {
            assert_eq!(Topology::parse(&answer, &host(1)), None, "{answer:?}");
        }
    }
}
