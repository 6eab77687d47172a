//! How a session is loaded.

use super::{Session, machine::Binding};
use crate::{clock, engine::Opened, error::OpenError};

impl Session {
    /// As [`load`](Self::load), for callers that do not read the session yet: the response does not depend on it.
    pub(crate) async fn load_quietly(&self) -> Result<(), OpenError> {
        let Err(error) = self.open().await else {
            return Ok(());
        };
        match self.backend() {
            Some(backend) if backend.continues_without_store(&error) => {
                let mut machine = self.machine();
                if let Binding::Unopened(cookies) = &machine.binding {
                    let cookies = cookies.clone();
                    machine.detach(cookies);
                }
                Ok(())
            }
            Some(_) | None => Err(error),
        }
    }

    /// As [`load`](Self::load), for callers that can't continue without the store.
    pub(crate) async fn open(&self) -> Result<(), OpenError> {
        let Some(backend) = self.backend().filter(|_| !self.machine().is_loaded()) else {
            return Ok(());
        };
        clock::within(backend.settings().store_timeout, async {
            let _guard = self.lock_flush().await;
            // A concurrent call may have opened the session.
            let (cookies, began_at) = {
                let machine = self.machine();
                match &machine.binding {
                    Binding::Unopened(cookies) => (cookies.clone(), machine.began_at),
                    _ => return Ok(()),
                }
            };
            let opened = backend.find(&cookies, began_at).await?;
            self.take_in(opened)
        })
        .await
        .unwrap_or_else(|after| Err(OpenError::Timeout { after }))
    }

    /// Opens the session as what its cookies name, unless it was purged in the meantime.
    fn take_in(&self, opened: Opened) -> Result<(), OpenError> {
        let (to_rebase, generation) = {
            let mut machine = self.machine();
            match machine.is_loaded() {
                true => return Ok(()),
                false => (machine.open(opened), machine.generation),
            }
        };
        let Some(stored) = to_rebase else {
            return Ok(());
        };
        self.rebase(&stored, generation)?;
        let machine = self.machine();
        let before = stored.record.payload();
        machine
            .payload
            .check_growth(&before, machine.max_state_bytes)?;
        Ok(())
    }
}
