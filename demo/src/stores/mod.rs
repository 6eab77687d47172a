//! The store of the sessions, and what the demo puts around it.

mod last_write_wins;
mod outage;

use sessile::storage::AnySessionStore;

pub(crate) use self::{
    last_write_wins::LastWriteWins,
    outage::{Outage, WithOutages},
};

/// The store that the command line names, with outages at the push of a button.
pub(crate) type Store = WithOutages<AnySessionStore>;
