//! [`slot_of`]: where a session's row lies in the table.

/// What ids are written in.
const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The number that the row of this id is found by: the first ten characters of the id.
///
/// Where a text is the primary key, SQLite keeps a tree of texts beside the tree of rows, and each
/// row is looked up twice. Other ids may have the same number, if hardly ever: statements ask for
/// the id as well, and a new session whose number is taken gets another key.
///
/// The schema's second step computes the same.
pub(super) fn slot_of(id: &str) -> i64 {
    id.chars()
        .take(10)
        .fold(0, |slot, character| slot * 65 + digit(character))
}

/// Its place in the alphabet, from 1; or 0, which only nonsense from a client is.
fn digit(character: char) -> i64 {
    let place = ALPHABET.find(character).map_or(0, |before| before + 1);
    i64::try_from(place).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_has_a_slot() {
        assert_eq!(slot_of(""), 0);
        assert_eq!(slot_of("é.\0"), 0);
        assert_eq!(slot_of("A"), 1);
        assert_eq!(slot_of("BA"), 2 * 65 + 1);
        assert_eq!(slot_of("__________"), slot_of("__________and more"));
        assert_eq!(slot_of("__________"), 65_i64.pow(10) - 1);
    }
}
