//! [`slot_of`]: the slot of a cluster that a key belongs to.

/// The number of slots of a cluster.
pub(super) const SLOTS: u16 = 16_384;

/// The slot of a cluster that `redis_key` belongs to.
pub(super) fn slot_of(redis_key: &[u8]) -> u16 {
    crc16(hashed_part(redis_key)) % SLOTS
}

/// Whether a part of `redis_key` in braces determines its slot.
pub(super) fn has_tag(redis_key: &[u8]) -> bool {
    hashed_part(redis_key).len() < redis_key.len()
}

/// The part of `redis_key` that determines its slot: the text between the first `{` and the next `}`, or
/// the whole key if there is none.
fn hashed_part(redis_key: &[u8]) -> &[u8] {
    let tag = redis_key
        .iter()
        .position(|&byte| byte == b'{')
        .map(|open| &redis_key[open + 1..])
        .and_then(|rest| Some(&rest[..rest.iter().position(|&byte| byte == b'}')?]));
    match tag {
        Some(tag) if !tag.is_empty() => tag,
        _ => redis_key,
    }
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        (crc << 8) ^ CRC_TABLE[usize::from((crc >> 8) ^ u16::from(byte))]
    })
}

const CRC_TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = (index as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc << 1) ^ (0x1021 * (crc >> 15));
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_cluster_specification() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        // As `CLUSTER KEYSLOT` answers.
        for (key, slot) in [
            ("", 0),
            ("foo", 12182),
            ("{user1000}.following", 3443),
            ("user1000", 3443),
            ("foo{}{bar}", 8363),
            ("foo{{bar}}zap", 4015),
            ("{bar", 4015),
            ("foo{bar}{zap}", 5061),
            ("bar", 5061),
        ] {
            assert_eq!(slot_of(key.as_bytes()), slot, "{key}");
        }
    }
}
