//! Where keys come from, and what is no key.

use std::{
    error::Error as _,
    sync::{Arc, Mutex},
};

use super::*;

/// The bytes 0, 1, 2, … 63 in hexadecimal, in both cases.
const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\
                   202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F";
/// The bytes 192, 193, … 255 in each form of base64.
const BASE64: [&str; 4] = [
    "wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t/g4eLj5OXm5+jp6uvs7e7v8PHy8/T19vf4+fr7/P3+/w==",
    "wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t/g4eLj5OXm5+jp6uvs7e7v8PHy8/T19vf4+fr7/P3+/w",
    "wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t_g4eLj5OXm5-jp6uvs7e7v8PHy8_T19vf4-fr7_P3-_w==",
    "wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t_g4eLj5OXm5-jp6uvs7e7v8PHy8_T19vf4-fr7_P3-_w",
];

fn key_from(first_byte: u8) -> SealingKey {
    SealingKey::from(std::array::from_fn(|index| first_byte + index as u8))
}

fn keys_of(ring: &KeyRing) -> Vec<SealingKey> {
    ring.keys.read().iter().cloned().collect()
}

#[test]
fn a_key_is_hexadecimal_or_base64() {
    assert_eq!(HEX.parse(), Ok(key_from(0)));
    for text in BASE64 {
        assert_eq!(text.parse(), Ok(key_from(192)), "{text}");
    }
}

#[test]
fn other_text_is_no_key() {
    use InvalidSealingKeyError::{Encoding, Length};
    for (text, error) in [
        ("", Length { len: 0 }),
        (&HEX[2..], Length { len: 63 }),
        (&format!("{HEX}00"), Length { len: 65 }),
        (&HEX[..64], Length { len: 32 }),
        ("wMHC", Length { len: 3 }),
        (&HEX[1..], Encoding),
        ("not a key", Encoding),
        ("wM-C/8T_", Encoding),
        ("clé", Encoding),
        ("１２", Encoding),
    ] {
        assert_eq!(text.parse::<SealingKey>(), Err(error), "{text}");
    }
}

#[test]
fn a_text_has_one_key_per_line() {
    let text = format!("# current\r\n  {HEX}\t\n\n#{HEX}\n{}", BASE64[0]);
    let ring = KeyRing::from_text(&text).unwrap();
    assert_eq!(keys_of(&ring), [key_from(0), key_from(192)]);
}

#[test]
fn an_invalid_line_is_named_by_its_number() {
    let error = KeyRing::from_text(&format!("\n{HEX}\n{HEX}00\n")).unwrap_err();
    assert_eq!(error.to_string(), "line 3 of the keys is invalid");
    let reason = error.source().unwrap();
    assert_eq!(reason.to_string(), "a sealing key has 64 bytes, not 65");
}

#[test]
fn a_ring_without_keys_is_refused() {
    let none = || std::iter::empty::<SealingKey>();
    assert!(matches!(KeyRing::new(none()), Err(KeyRingError::NoKeys)));
    for text in ["", "\n \n", "# only a comment"] {
        let ring = KeyRing::from_text(text);
        assert!(matches!(ring, Err(KeyRingError::NoKeys)), "{text:?}");
    }
    let ring = KeyRing::from(key_from(0));
    assert!(matches!(ring.replace(none()), Err(KeyRingError::NoKeys)));
    assert_eq!(keys_of(&ring), [key_from(0)]);
}

#[test]
fn clones_share_the_keys() {
    let ring = KeyRing::from(key_from(0));
    let clone = ring.clone();
    ring.replace([key_from(1), key_from(0)]).unwrap();
    assert_eq!(keys_of(&clone), [key_from(1), key_from(0)]);
}

#[test]
fn a_failed_reload_keeps_the_keys() {
    let text = Arc::new(Mutex::new(Ok(HEX.to_owned())));
    let source = {
        let text = Arc::clone(&text);
        move || text.lock().unwrap().clone()
    };
    let ring = KeyRing::from_source(source).unwrap();
    let reload = |source: Result<&str, &'static str>| {
        *text.lock().unwrap() = source.map(str::to_owned);
        ring.reload()
    };
    let failed = reload(Err("the secret manager is down")).unwrap_err();
    assert_eq!(
        failed.source().unwrap().to_string(),
        "the secret manager is down"
    );
    assert!(matches!(reload(Ok("")), Err(KeyRingError::NoKeys)));
    assert!(matches!(reload(Ok("00")), Err(KeyRingError::Key { .. })));
    assert_eq!(keys_of(&ring), [key_from(0)]);
    reload(Ok(BASE64[0])).unwrap();
    assert_eq!(keys_of(&ring), [key_from(192)]);
}

#[test]
fn a_ring_that_was_not_loaded_cannot_be_reloaded() {
    let ring = KeyRing::from_text(HEX).unwrap();
    assert!(matches!(ring.reload(), Err(KeyRingError::NoSource)));
}

#[test]
fn no_message_contains_a_key() {
    let ring = KeyRing::from_text(HEX).unwrap();
    assert_eq!(format!("{ring:?}"), "KeyRing { keys: 1, .. }");
    // A key of the wrong length, one with a character too many, and one that is cut off.
    for text in [&HEX[..126], &format!("{HEX}!"), &BASE64[0][..85]] {
        let error = KeyRing::from_text(text).unwrap_err();
        let shown = format!("{error} {error:?} {}", telemetry::with_causes(&error));
        for part in text.as_bytes().windows(4) {
            let part = str::from_utf8(part).unwrap();
            assert!(!shown.contains(part), "{shown}");
        }
    }
}

#[cfg(unix)]
mod in_a_file {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::PermissionsExt as _,
        path::Path,
    };

    use tempfile::TempDir;

    use super::*;

    /// A file with this content and mode.
    fn file(content: impl AsRef<[u8]>, mode: u32) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        write(&path, content, mode);
        (folder, path)
    }

    fn write(path: &Path, content: impl AsRef<[u8]>, mode: u32) {
        fs::write(path, content).unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn keys_are_read_again() {
        let (_folder, path) = file(HEX, 0o600);
        let ring = KeyRing::from_file(&path).unwrap();
        assert_eq!(keys_of(&ring), [key_from(0)]);
        write(&path, format!("{}\n{HEX}\n", BASE64[0]), 0o600);
        ring.reload().unwrap();
        assert_eq!(keys_of(&ring), [key_from(192), key_from(0)]);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let (_folder, path) = file(HEX, 0o644);
        let error = KeyRing::from_file(&path).unwrap_err();
        assert!(matches!(error, KeyRingError::Exposed { mode: 0o644, .. }));
        let advice = format!("`chmod 600 {}`", path.display());
        assert!(error.to_string().contains(&advice), "{error}");

        write(&path, HEX, 0o600);
        let ring = KeyRing::from_file(&path).unwrap();
        write(&path, BASE64[0], 0o604);
        assert!(matches!(ring.reload(), Err(KeyRingError::Exposed { .. })));
        assert_eq!(keys_of(&ring), [key_from(0)]);
    }

    #[test]
    fn a_file_that_is_gone_is_an_error() {
        let (folder, path) = file(HEX, 0o600);
        let ring = KeyRing::from_file(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(matches!(ring.reload(), Err(KeyRingError::File { .. })));
        assert_eq!(keys_of(&ring), [key_from(0)]);
        let of_a_folder = KeyRing::from_file(folder.path());
        // Its permissions are checked first.
        assert!(of_a_folder.is_err());
    }

    #[test]
    fn a_file_without_text_or_without_an_end_is_an_error() {
        let (_folder, path) = file([0xff; 64], 0o600);
        assert!(matches!(
            KeyRing::from_file(&path),
            Err(KeyRingError::File { .. })
        ));
        let largest = format!("{HEX}\n{}", "#".repeat(64 * 1024 - HEX.len() - 1));
        write(&path, &largest, 0o600);
        assert!(KeyRing::from_file(&path).is_ok());
        write(&path, largest + "#", 0o600);
        let error = KeyRing::from_file(&path).unwrap_err();
        assert!(matches!(error, KeyRingError::File { .. }), "{error}");
    }
}
