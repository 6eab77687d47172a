//! The rules of stores that find and end the sessions of a user, called directly.

mod everything;
mod interruption;
mod labels;
mod limits;
mod listing;
mod marks;
mod operations;
mod races;
mod revocation;
mod rules;
mod unreadable;

use std::sync::Arc;

use super::{known::Known, scene::Scene};
use crate::storage::{SessionLimit, SubjectStore};

/// Checks the stores that `store_builder` makes against the rules of [`SubjectStore`], without a web framework.
///
/// Run [`store_contract_test_suite`](super::store_contract_test_suite) as well, which checks the rules of all stores. A store
/// that [has no subjects](SubjectStore::has_subjects) is not checked.
///
/// Each check calls `store_builder` for a store of its own. The stores may share their sessions and may hold others: the
/// checks use random subjects, ids and labels. [`end_everything`](SubjectStore::end_everything) ends the sessions of others,
/// so [`end_everything_test_suite`] checks it. Call the suite in a Tokio runtime with timers, as `#[tokio::test]` and
/// `#[actix_web::test]` start one.
///
/// ```
/// use sessile::{storage::MemorySessionStore, test_helpers::subject_store_test_suite};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// subject_store_test_suite(MemorySessionStore::default).await;
/// # });
/// ```
///
/// # Panics
///
/// If the store breaks a rule. The message names the rule in words and says what the store did.
pub async fn subject_store_test_suite<F, Store>(store_builder: F)
where
    Store: SubjectStore + 'static,
    F: Fn() -> Store + Clone + Send + 'static,
{
    if !store_builder().has_subjects() {
        return;
    }
    let store = || Arc::new(store_builder());
    // Each check is boxed: the futures of some stores are so large that all checks together fill the stack of a test.
    macro_rules! check {
        ($($check:path),* $(,)?) => {
            $(Box::pin($check(store())).await;)*
        };
    }
    // The basic checks come first, so that a failure names the rule that caused it.
    check![
        listing::a_created_session_is_listed,
        listing::an_update_is_listed,
        listing::what_was_not_stored_is_not_listed,
        listing::the_order_is_that_of_the_sign_ins,
        listing::an_ended_session_is_not_listed,
        marks::ended_sessions_are_gone,
        marks::a_mark_refuses_earlier_sign_ins,
        marks::a_mark_spares_all_others,
        marks::a_mark_has_the_latest_time,
        marks::the_kept_session_stays,
        marks::a_session_that_has_ended_is_not_kept,
        revocation::a_record_revokes_its_id,
        revocation::a_mark_revokes_earlier_sign_ins,
        listing::many_sessions_are_listed,
        listing::a_digest_is_any_bytes,
        labels::a_label_finds_its_sessions,
        labels::a_label_does_not_find_what_has_ended,
        labels::a_label_is_any_text,
        limits::a_sign_in_swaps,
        limits::a_repeated_sign_in_is_stored,
        limits::the_earliest_end_at_the_limit,
        limits::a_sign_in_is_refused_at_the_limit,
        limits::a_limit_counts_other_live_sessions,
        unreadable::an_unreadable_session_fails_no_list,
        interruption::a_dropped_create_update_or_delete_leaves_list_and_loads_alike,
        interruption::a_dropped_sign_in_leaves_list_and_loads_alike,
        interruption::a_dropped_end_can_be_repeated,
        races::a_limit_that_ends_holds_exactly,
        races::a_limit_that_refuses_holds_exactly,
        races::what_was_ended_is_not_revived,
        races::of_two_that_end_all_others_one_stays,
    ];
}

/// Checks [`end_everything`](SubjectStore::end_everything) of the stores that `store_builder` makes.
///
/// It ends all sessions in the store, and refuses the sign-ins of the last hour. So run it on a store that no other test
/// uses at the time.
///
/// ```
/// use sessile::{storage::MemorySessionStore, test_helpers::end_everything_test_suite};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// end_everything_test_suite(MemorySessionStore::default).await;
/// # });
/// ```
///
/// # Panics
///
/// As [`subject_store_test_suite`].
pub async fn end_everything_test_suite<F, Store>(store_builder: F)
where
    Store: SubjectStore + 'static,
    F: Fn() -> Store + Clone + Send + 'static,
{
    let store = store_builder();
    if store.has_subjects() {
        Box::pin(everything::everything_ends(Arc::new(store))).await;
    }
}

fn limit(max: u32) -> SessionLimit {
    SessionLimit::new(max).expect("it is more than zero")
}
