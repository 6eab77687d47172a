//! A node's view of its cluster.

use std::ops::RangeInclusive;

use super::Redis;

/// The view that one node has of all nodes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct View {
    /// Whether the node serves, which requires that it can reach a master of every slot.
    pub(super) is_ok: bool,
    pub(super) members: Vec<Member>,
}

/// A node in the view of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) port: u16,
    pub(super) is_myself: bool,
    pub(super) is_master: bool,
    /// Whether the node is neither suspected to have failed nor joining.
    pub(super) is_healthy: bool,
    pub(super) epoch: u64,
    pub(super) slots: Vec<RangeInclusive<u16>>,
}

impl View {
    /// Queries a node. Returns `None` if it is down, frozen or busy.
    pub(super) fn of(node: &Redis) -> Option<Self> {
        let info = node.query_text(&["CLUSTER", "INFO"])?;
        let nodes = node.query_text(&["CLUSTER", "NODES"])?;
        Some(Self {
            is_ok: info.lines().any(|line| line == "cluster_state:ok"),
            members: nodes.lines().filter_map(Member::parse).collect(),
        })
    }

    /// The node whose view this is.
    pub(super) fn myself(&self) -> Option<&Member> {
        self.members.iter().find(|member| member.is_myself)
    }

    /// The ranges of slots with the port that serves them.
    pub(super) fn owners(&self) -> Vec<(u16, u16, u16)> {
        let mut owners: Vec<_> = self
            .members
            .iter()
            .flat_map(|it| it.slots.iter().map(|s| (*s.start(), *s.end(), it.port)))
            .collect();
        owners.sort_unstable();
        owners
    }
}

impl Member {
    pub(super) fn has(&self, slot: u16) -> bool {
        self.slots.iter().any(|range| range.contains(&slot))
    }

    /// Parses a line: `<id> <ip:port@bus> <flags> <master> <ping> <pong> <epoch> <link> <slot> <slot> …`.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ').skip(1);
        let address = words.next()?;
        let flags: Vec<&str> = words.next()?.split(',').collect();
        let epoch = words.nth(3)?.parse().ok()?;
        let slots = words.skip(1).filter_map(parse_slots).collect();
        let (_, port) = address.split('@').next()?.rsplit_once(':')?;
        let unhealthy = ["fail", "fail?", "handshake", "noaddr"];
        Some(Self {
            port: port.parse().ok()?,
            is_myself: flags.contains(&"myself"),
            is_master: flags.contains(&"master"),
            is_healthy: !flags.iter().any(|flag| unhealthy.contains(flag)),
            epoch,
            slots,
        })
    }
}

/// Parses `7` or `0-5460`. An entry in brackets is a slot that is being migrated. Its owner has not changed yet.
fn parse_slots(word: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    Some(first.parse().ok()?..=last.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_master_has_its_slots() {
        let line = "07c3 127.0.0.1:4711@4811 myself,master - 0 0 3 connected 0-5460 7000 [93->-a1]";

        let member = Member::parse(line).unwrap();

        assert_eq!((member.port, member.epoch), (4711, 3));
        assert!(member.is_myself && member.is_master && member.is_healthy);
        assert!(member.has(0) && member.has(5460) && member.has(7000));
        assert!(!member.has(5461));
    }

    #[test]
    fn a_suspected_node_and_a_joining_node_are_not_healthy() {
        for flags in ["slave,fail?", "master,fail", "handshake"] {
            let line = format!("07c3 127.0.0.1:4711@4811 {flags} - 0 0 3 connected");
            assert!(!Member::parse(&line).unwrap().is_healthy, "{flags}");
        }
    }

    #[test]
    fn owners_do_not_depend_on_the_order_of_the_nodes() {
        let lines = [
            "a 127.0.0.1:1@11 master - 0 0 1 connected 0-9",
            "b 127.0.0.1:2@12 master - 0 0 2 connected 10-16383",
        ];
        let view = |lines: [&str; 2]| View {
            is_ok: true,
            members: lines.into_iter().filter_map(Member::parse).collect(),
        };

        let owners = view(lines).owners();

        assert_eq!(owners, [(0, 9, 1), (10, 16383, 2)]);
        assert_eq!(owners, view([lines[1], lines[0]]).owners());
    }
}
