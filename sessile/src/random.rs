//! Randomness, through one function.

use rand::RngCore as _;

/// `N` random bytes: for ids, secrets and nonces.
///
/// They are of the thread's generator, a cryptographic one that the operating system seeds, and seeds again
/// from time to time. It costs no system call.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::thread_rng().fill_bytes(&mut bytes);
    bytes
}
