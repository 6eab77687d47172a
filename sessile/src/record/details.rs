//! [`Details`]: what only some records have.

use std::fmt;

use super::SHARED;
use crate::{clock::Timestamp, config::Persistence};

/// What only some records have: those of signed-in users, and those that a later version of this crate
/// wrote.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Details {
    /// The user that the session is signed in as.
    pub(crate) subject: Option<String>,
    pub(crate) signed_in_at: Option<Timestamp>,
    /// When the user last authenticated. Later than the sign-in if the application asked again.
    pub(crate) authenticated_at: Option<Timestamp>,
    pub(crate) lookup_label: Option<String>,
    /// Values for the next request, in the order in which they were set.
    pub(crate) flashes: Vec<Flash>,
    /// For lists of sessions, by name and in the order of the names.
    pub(crate) labels: Vec<(String, String)>,
    /// The lifetime that the session has in place of the settings'.
    pub(crate) lifetime: Option<Persistence>,
    /// The public key of the device that the session is bound to.
    pub(super) device_key: Option<String>,
    /// The members that a server must know to use the session.
    pub(super) critical: Vec<String>,
    /// The members that this version of the crate does not know, with their JSON text.
    pub(super) unknown: Vec<(String, String)>,
}

/// A value for the next request.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Flash {
    /// Random: a request that takes the value names it by this, so that it takes no other one.
    pub(crate) id: u64,
    pub(crate) key: String,
    /// JSON text.
    pub(crate) text: String,
}

/// The maximum number of bytes that all values for the next request may take, with their keys. It fits into a cookie
/// beside a small state.
pub(crate) const MAX_FLASH_BYTES: usize = 2048;

impl Flash {
    pub(crate) fn byte_len(&self) -> usize {
        self.key.len() + self.text.len()
    }
}

/// Shows the names of values only: values may be secret.
impl fmt::Debug for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn names(pairs: &[(String, String)]) -> Vec<&str> {
            pairs.iter().map(|(name, _)| &**name).collect()
        }

        let flashes: Vec<_> = self.flashes.iter().map(|it| &it.key).collect();
        f.debug_struct("Details")
            .field("subject", &self.subject)
            .field("signed_in_at", &self.signed_in_at)
            .field("authenticated_at", &self.authenticated_at)
            .field("flashes", &flashes)
            .field("labels", &names(&self.labels))
            .field("lifetime", &self.lifetime)
            .field("critical", &self.critical)
            .field("unknown", &names(&self.unknown))
            .finish_non_exhaustive()
    }
}

impl Details {
    /// Sets or removes a label that lists show.
    pub(crate) fn set_label(&mut self, name: &str, text: Option<&str>) {
        let place = self
            .labels
            .binary_search_by(|(known, _)| (**known).cmp(name));
        match (place, text) {
            (Ok(index), Some(text)) => text.clone_into(&mut self.labels[index].1),
            (Ok(index), None) => drop(self.labels.remove(index)),
            (Err(index), Some(text)) => {
                self.labels
                    .insert(index, (name.to_owned(), text.to_owned()));
            }
            (Err(_), None) => {}
        }
    }

    /// About how many bytes of memory they take.
    pub(super) fn footprint(&self) -> usize {
        let texts = [&self.subject, &self.lookup_label, &self.device_key];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        let pairs = self.labels.iter().chain(&self.unknown);
        let pairs: usize = pairs
            .map(|(name, text)| size_of::<(String, String)>() + name.len() + text.len())
            .sum();
        let flashes = self.flashes.iter();
        let flashes: usize = flashes
            .map(|flash| size_of::<Flash>() + flash.byte_len())
            .sum();
        let critical: usize = (self.critical.iter())
            .map(|name| size_of::<String>() + name.len())
            .sum();
        SHARED + size_of::<Self>() + texts + pairs + flashes + critical
    }
}
