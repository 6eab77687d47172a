//! Random bytes and texts for ids, secrets and nonces. For numbers, `rand::random` uses the same generator.

use rand::RngCore as _;
#[cfg(feature = "compat")]
use rand::{Rng as _, distributions::Alphanumeric};

/// `N` random bytes: for ids, secrets and nonces.
///
/// They come from the thread's cryptographic generator, which the operating system seeds and reseeds. Most calls
/// need no system call.
///
/// # Panics
///
/// If the operating system can't seed the generator when the thread first uses it.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::thread_rng().fill_bytes(&mut bytes);
    bytes
}

/// A text of `len` random letters and digits, from the same generator.
#[cfg(feature = "compat")]
pub(crate) fn letters_and_digits(len: usize) -> String {
    let characters = rand::thread_rng().sample_iter(Alphanumeric);
    characters.take(len).map(char::from).collect()
}
