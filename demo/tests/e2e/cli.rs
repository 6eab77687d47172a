//! Tests of the program's errors when it can't start.

use std::{
    ffi::OsStr,
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::site::program;

#[test]
fn an_address_in_use_is_an_error() {
    let files = Files::new();
    let refusal = files.refusal();
    assert!(
        refusal.contains(&format!("error: can't listen on {}", files.addr())),
        "{refusal}"
    );
    assert!(refusal.contains("because: "), "{refusal}");
}

#[test]
fn a_key_file_without_a_key_is_refused_and_not_changed() {
    let files = Files::new();
    write_private(&files.key, b"too short");
    let refusal = files.refusal();
    assert!(refusal.contains("error: the key file"), "{refusal}");
    assert!(refusal.contains("line 1"), "{refusal}");
    assert_eq!(fs::read(&files.key).unwrap(), b"too short");
}

#[test]
fn a_key_file_that_other_users_can_read_is_refused() {
    let files = Files::new();
    fs::write(&files.key, [7; 64]).unwrap();
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o644)).unwrap();
    let refusal = files.refusal();
    let advice = format!("chmod 600 {}", files.key.display());
    assert!(refusal.contains("(mode 644)"), "{refusal}");
    assert!(refusal.contains(&advice), "{refusal}");
}

#[test]
fn a_file_that_is_not_a_database_is_refused_and_not_changed() {
    let files = Files::new();
    let text = "This file is not a database. ".repeat(100);
    fs::write(&files.database, &text).unwrap();
    let refusal = files.refusal();
    assert!(
        refusal.contains("error: the store can't be opened"),
        "{refusal}"
    );
    assert!(refusal.contains("because: "), "{refusal}");
    assert!(
        !refusal.contains("This file is not a database"),
        "{refusal}"
    );
    assert_eq!(fs::read_to_string(&files.database).unwrap(), text);
}

#[test]
fn a_database_in_a_missing_folder_is_refused() {
    let mut files = Files::new();
    files.database = files.folder.path().join("none").join("demo.db");
    let refusal = files.refusal();
    assert!(refusal.contains("can't be opened"), "{refusal}");
}

#[test]
fn the_secret_key_is_never_printed() {
    let files = Files::new();
    // The last one is too short.
    for secret in ["abcd".repeat(32), "abcd".repeat(31)] {
        write_private(&files.key, secret.as_bytes());
        let refusal = files.refusal();
        assert!(!refusal.contains("abcd"), "{refusal}");
    }
}

#[test]
fn a_file_without_a_certificate_is_refused_and_not_changed() {
    let files = Files::new();
    write_private(&files.certificate, b"no certificate");
    let refusal = files.refusal_with(&["--https"]);
    assert!(
        refusal.contains("has no certificate with its private key"),
        "{refusal}"
    );
    assert_eq!(fs::read(&files.certificate).unwrap(), b"no certificate");
}

#[test]
fn a_recent_authentication_of_no_time_is_a_usage_error() {
    let arguments = ["--recent-authentication", "0"];
    let output = program().args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn an_address_without_a_port_is_a_usage_error() {
    let output = program().args(["--addr", "localhost"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn help_names_every_setting() {
    let output = program().arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for setting in [
        "--addr",
        "--store",
        "--secret-key-file",
        "--https",
        "--certificate-file",
        "--recent-authentication",
    ] {
        assert!(help.contains(setting), "{help}");
    }
}

/// The files that the program is started with. They are valid unless a test changes them.
struct Files {
    folder: TempDir,
    database: PathBuf,
    key: PathBuf,
    certificate: PathBuf,
    /// Listens on the address, so that a program that did not fail earlier fails to listen.
    taken: TcpListener,
}

impl Files {
    fn new() -> Self {
        let folder = TempDir::with_prefix("sessile-demo-").unwrap();
        Self {
            database: folder.path().join("demo.db"),
            key: folder.path().join("demo.key"),
            certificate: folder.path().join("demo.pem"),
            taken: TcpListener::bind("127.0.0.1:0").unwrap(),
            folder,
        }
    }

    fn addr(&self) -> String {
        self.taken.local_addr().unwrap().to_string()
    }

    /// The standard error of the program, which has to exit with 1.
    fn refusal(&self) -> String {
        self.refusal_with(&[])
    }

    fn refusal_with(&self, arguments: &[&str]) -> String {
        let output = program()
            .args([OsStr::new("--addr"), OsStr::new(&self.addr())])
            .args(["--store", &format!("sqlite:{}", self.database.display())])
            .args([OsStr::new("--secret-key-file"), self.key.as_os_str()])
            .args([
                OsStr::new("--certificate-file"),
                self.certificate.as_os_str(),
            ])
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
        String::from_utf8(output.stderr).unwrap()
    }
}

fn write_private(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}
