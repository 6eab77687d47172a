//! The rules of [`IterableStore`](crate::storage::IterableStore) and [`ManagedStore`](crate::storage::ManagedStore). Each
//! failure of the suites begins with one of them.

pub(super) const SHOWN: &str =
    "an iteration shows every live session of users and guests, as it is stored";
pub(super) const NOT_SHOWN: &str = "an iteration shows no session that was deleted or has expired";
pub(super) const BOUNDED: &str =
    "a page has hardly more sessions than its limit, which is any number above zero";
pub(super) const THROUGHOUT: &str = "an iteration shows a session that lives throughout at least once, whatever happens to others and to its content meanwhile";
pub(super) const UNREADABLE: &str = "a record that can't be decoded is shown with its error, of kind Corrupt or Newer, and the others of its page are shown as well";
pub(super) const CURSOR: &str =
    "`page` refuses a cursor that the store did not make, with an error of kind Unsupported";
pub(super) const COUNT: &str = "`count` returns the number of live sessions of users and guests";
pub(super) const CLEARED: &str = "after `clear` no session is there, for any operation";
pub(super) const STAYS_CLEARED: &str =
    "a session that `clear` has deleted never comes back, whatever updates were in flight";
pub(super) const PING: &str = "`ping` succeeds if and only if a `load` does";
pub(super) const CLOSED: &str =
    "`close` can be repeated, and later operations succeed or certainly do not happen";
pub(super) const BEGUN: &str =
    "an operation that began before `close` is whole or has not happened";
