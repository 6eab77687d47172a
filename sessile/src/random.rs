//! Randomness that secrets are made of, from the operating system.

/// `N` bytes from the operating system's generator.
///
/// Panics when there are none to be had: a predictable session key or nonce would be worse.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(
        clippy::expect_used,
        reason = "no safe way to go on without randomness"
    )]
    getrandom::fill(&mut bytes).expect("the operating system's random generator failed");
    bytes
}
