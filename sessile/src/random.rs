//! Randomness, through one function.

use rand::RngCore as _;
#[cfg(feature = "compat")]
use rand::{Rng as _, distributions::Alphanumeric};

/// `N` random bytes: for ids, secrets and nonces.
///
/// They are of the thread's generator, a cryptographic one that the operating system seeds, and seeds again
/// from time to time. It costs no system call.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::thread_rng().fill_bytes(&mut bytes);
    bytes
}

/// A text of `len` random letters and digits, of the same generator.
#[cfg(feature = "compat")]
pub(crate) fn letters_and_digits(len: usize) -> String {
    let characters = rand::thread_rng().sample_iter(Alphanumeric);
    characters.take(len).map(char::from).collect()
}
