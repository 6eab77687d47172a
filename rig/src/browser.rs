//! A browser, driven through WebDriver.

use std::{
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::{Error, Process, Ready, find_program};

const PACKAGES: &[&str] = &["chromium", "chromium-driver"];

const STARTED: &str = "started successfully on port ";

/// Chromium opens no window. It sends no requests of its own, such as checks for updates.
const ARGUMENTS: &[&str] = &[
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // Containers have a small /dev/shm, and refuse the sandbox to root.
    "--disable-dev-shm-usage",
    "--no-sandbox",
];

/// A running `chromedriver`. It starts any number of headless Chromiums.
///
/// Any WebDriver client can drive it. When it ends, all its browsers end.
///
/// ```
/// use sessile_rig::Chromedriver;
///
/// let driver = Chromedriver::start()?;
///
/// assert!(driver.url().starts_with("http://127.0.0.1:"));
/// assert_ne!(driver.capabilities(), driver.capabilities(), "two browsers share no cookies");
/// # Ok::<(), sessile_rig::Error>(())
/// ```
#[derive(Debug)]
pub struct Chromedriver {
    process: Process,
    port: String,
    chromium: PathBuf,
    profiles: AtomicUsize,
}

impl Chromedriver {
    /// Starts `chromedriver` on a port that `chromedriver` chooses.
    ///
    /// # Errors
    ///
    /// [`Error::NotInstalled`] if Chromium or its driver is not installed, and the errors of [`Process::start`].
    pub fn start() -> Result<Self, Error> {
        let chromium = find_program("chromium", PACKAGES)?;
        let chromedriver = find_program("chromedriver", PACKAGES)?;
        let folder = TempDir::with_prefix("sessile-browser-")
            .map_err(Error::system("chromedriver", "create a temporary folder"))?;

        let mut command = Command::new(chromedriver);
        // Chromium leaves files in the home folder and in /tmp. In this folder, they are removed with it.
        command
            .arg("--port=0")
            .env("HOME", folder.path())
            .env("TMPDIR", folder.path());
        let process = Process::start_in(folder, command, Ready::line(STARTED))?;

        let port = process
            .line(STARTED)
            .map(|line| port_in(&line))
            .unwrap_or_default();
        Ok(Self {
            process,
            port,
            chromium,
            profiles: AtomicUsize::new(0),
        })
    }

    /// The address that the driver listens on.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The capabilities to request from the driver: a headless Chromium with its own profile.
    ///
    /// Each call returns a new profile, so two browsers are two users.
    pub fn capabilities(&self) -> Map<String, Value> {
        self.capabilities_with(&self.profile())
    }

    /// A new profile, for a browser that is closed and opened again.
    pub fn profile(&self) -> Profile {
        let number = self.profiles.fetch_add(1, Ordering::Relaxed);
        let folder = self.process.folder().join(format!("profile-{number}"));
        Profile { folder }
    }

    /// The capabilities for a headless Chromium with this profile. One browser at a time can use it.
    pub fn capabilities_with(&self, profile: &Profile) -> Map<String, Value> {
        let arguments: Vec<String> = ARGUMENTS
            .iter()
            .map(|&argument| argument.to_owned())
            .chain([format!("--user-data-dir={}", profile.folder.display())])
            .collect();
        Map::from_iter([
            ("browserName".to_owned(), json!("chrome")),
            (
                "goog:chromeOptions".to_owned(),
                json!({ "binary": self.chromium, "args": arguments }),
            ),
        ])
    }
}

/// What a browser keeps when it is closed, such as cookies with a `Max-Age`. Its folder is removed with the driver.
#[derive(Debug)]
pub struct Profile {
    folder: PathBuf,
}

/// The digits after [`STARTED`]. The driver ends the line with a full stop.
fn port_in(line: &str) -> String {
    let (_, rest) = line.split_once(STARTED).unwrap_or_default();
    rest.chars().take_while(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_the_driver_s_line() {
        let line = "ChromeDriver was started successfully on port 44655.";

        assert_eq!(port_in(line), "44655");
    }
}
