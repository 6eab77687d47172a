//! The store of the sessions, and the wrappers that the demo adds.

mod last_write_wins;
mod outage;

use sessile::storage::AnySessionStore;

pub(crate) use self::{
    last_write_wins::LastWriteWins,
    outage::{Outage, WithOutages},
};

/// The store that the command line names, with outages that a visitor can start.
pub(crate) type Store = WithOutages<AnySessionStore>;
