//! What happens to a connection of the application's pool after an operation.

use super::Fault;
use crate::storage::retirement::{Action, Reply, Retirement};

/// The result of an operation over a connection that was acquired when connections had been retired `count` times, and
/// what happens to the connections of its pool.
pub(in crate::storage) fn after_reply<T>(
    retirement: &Retirement,
    count: u64,
    is_write: bool,
    result: Result<T, Fault>,
) -> (Result<T, Fault>, Action) {
    let reply = match &result {
        Ok(_) if is_write => Reply::Wrote,
        Err(Fault::ReadOnly) => Reply::ReadOnly,
        Err(fault) if fault.ends_connection() => Reply::Broken,
        _ => Reply::Other,
    };
    let action = retirement.after(reply, count);
    match (reply, action) {
        (Reply::ReadOnly, Action::Return) => (Err(Fault::stays_read_only()), action),
        _ => (result, action),
    }
}
