//! How a node of a cluster sees the cluster.

use std::ops::RangeInclusive;

use super::Redis;

/// What one node says of all.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct View {
    /// Whether it serves: every slot has a master that it can reach.
    pub(super) is_ok: bool,
    pub(super) members: Vec<Member>,
}

/// A node as another one, or it itself, sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) port: u16,
    pub(super) is_myself: bool,
    pub(super) is_master: bool,
    /// It is neither suspected nor being met.
    pub(super) is_well: bool,
    pub(super) epoch: u64,
    pub(super) slots: Vec<RangeInclusive<u16>>,
}

impl View {
    /// Asks a node. One that is down, frozen or busy has no view.
    pub(super) fn of(node: &Redis) -> Option<Self> {
        let info = node.look_at_text(&["CLUSTER", "INFO"])?;
        let nodes = node.look_at_text(&["CLUSTER", "NODES"])?;
        Some(Self {
            is_ok: info.lines().any(|line| line == "cluster_state:ok"),
            members: nodes.lines().filter_map(Member::parse).collect(),
        })
    }

    /// The node that looks.
    pub(super) fn myself(&self) -> Option<&Member> {
        self.members.iter().find(|member| member.is_myself)
    }

    /// Which slots are served on which port.
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

    /// Reads a line: `<id> <ip:port@bus> <flags> <master> <ping> <pong> <epoch> <link> <slot> <slot> …`.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ').skip(1);
        let address = words.next()?;
        let flags: Vec<&str> = words.next()?.split(',').collect();
        let epoch = words.nth(3)?.parse().ok()?;
        let slots = words.skip(1).filter_map(parse_slots).collect();
        let (_, port) = address.split('@').next()?.rsplit_once(':')?;
        let ills = ["fail", "fail?", "handshake", "noaddr"];
        Some(Self {
            port: port.parse().ok()?,
            is_myself: flags.contains(&"myself"),
            is_master: flags.contains(&"master"),
            is_well: !flags.iter().any(|flag| ills.contains(flag)),
            epoch,
            slots,
        })
    }
}

/// `7` or `0-5460`. A slot that is on its way is in brackets, and still where it was.
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
        assert!(member.is_myself && member.is_master && member.is_well);
        assert!(member.has(0) && member.has(5460) && member.has(7000));
        assert!(!member.has(5461));
    }

    #[test]
    fn a_suspected_node_and_one_that_is_being_met_are_not_well() {
        for flags in ["slave,fail?", "master,fail", "handshake"] {
            let line = format!("07c3 127.0.0.1:4711@4811 {flags} - 0 0 3 connected");
            assert!(!Member::parse(&line).unwrap().is_well, "{flags}");
        }
    }

    #[test]
    fn owners_are_the_same_in_whatever_order_the_nodes_are_listed() {
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
