//! Randomness, through one function for secrets and one for numbers that need not be secret.

/// `N` bytes from the operating system's generator.
///
/// Panics if the generator fails: a predictable session key or nonce would be worse.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(
        clippy::expect_used,
        reason = "no safe way to go on without randomness"
    )]
    getrandom::fill(&mut bytes).expect("the operating system's random generator failed");
    bytes
}

/// A number that is unlikely to be drawn twice. It can be predicted, so it is no secret.
pub(crate) fn number() -> u64 {
    fastrand::u64(..)
}
