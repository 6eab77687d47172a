//! What a test logs.

use std::sync::{Arc, Mutex};

use tracing::Level;

/// Collects what this thread logs, until it is dropped.
pub(crate) struct Log {
    text: Arc<Mutex<Vec<u8>>>,
    _guard: tracing::subscriber::DefaultGuard,
}

impl Log {
    pub(crate) fn of_warnings() -> Self {
        Self::of(Level::WARN)
    }

    #[allow(
        dead_code,
        reason = "not all test programs that include this file call it"
    )]
    pub(crate) fn of_everything() -> Self {
        Self::of(Level::TRACE)
    }

    fn of(level: Level) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .with_writer(Mutex::new(Writer(Arc::clone(&text))))
            .finish();
        Self {
            text,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    /// The lines since the last call.
    pub(crate) fn lines(&self) -> Vec<String> {
        let text = std::mem::take(&mut *self.text.lock().unwrap());
        String::from_utf8(text)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

struct Writer(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
