//! The cookies that version 0.16.2 of the `cookie` crate made with the same key, name and value.

use super::*;

const SIGNED: &str = "ZDlJoLTjB/7nO5ol5wRnQ2XIaAcynhLMQb7fAbNz7rI=a value";
const PRIVATE: &str = "9qcmT5m7R6HbyNJOz715qR6Et3cMo4R7KL0EqOZbwX5h9ow=";

#[test]
fn signed() {
    assert_eq!(signed_value("a value"), SIGNED);
    assert_eq!(fixed_key().verify(SIGNED), Some("a value"));
}

#[test]
fn private() {
    let opened = decrypted("name", PRIVATE);
    assert_eq!(opened.as_deref(), Some("a value"));
    assert_eq!(decrypted("eman", PRIVATE), None);
    let again = private_value("name", "a value");
    assert_eq!(again.len(), PRIVATE.len());
    assert_ne!(again, PRIVATE, "a nonce was used twice");
}
