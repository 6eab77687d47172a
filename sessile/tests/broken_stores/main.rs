//! Stores that break one rule of the contract each. The suite has to name the rule.

#![expect(clippy::unwrap_used, reason = "a failed assertion of a test")]

mod broken_store;
mod iteration;
mod subject_fault;
mod subject_rules;
mod subjects;

use std::time::Duration;

use sessile::test_helpers::{store_contract_test_suite, store_contract_test_suite_within};

use broken_store::{BrokenStore, Fault};

/// The message of the suite for a store with this fault.
async fn message(fault: Fault) -> String {
    let bound = Duration::from_millis(200);
    let build = move || BrokenStore::new(Some(fault));
    let suite = tokio::spawn(store_contract_test_suite_within(build, bound));
    let Err(error) = suite.await else {
        panic!("the suite passed {fault:?}");
    };
    match error.into_panic().downcast::<String>() {
        Ok(message) => *message,
        Err(_) => panic!("the suite failed without a message on {fault:?}"),
    }
}

const OWN_VERSION: &str = "`update` reports a record that is already at the new version as updated, and leaves it as it is";

/// The suite fails on a store with this fault, names `rule`, and says what the store did.
async fn is_caught(fault: Fault, rule: &str, did: &str) {
    let message = message(fault).await;
    println!("{fault:?}: {message}");
    let start = format!("rule broken: {rule}. ");
    assert!(message.starts_with(&start), "{fault:?}: {message}");
    assert!(message[start.len()..].contains(did), "{fault:?}: {message}");
}

#[tokio::test]
async fn a_correct_store_passes() {
    store_contract_test_suite(|| BrokenStore::new(None)).await;
}

#[tokio::test]
async fn a_create_that_overwrites_is_caught() {
    let rule = "`create` never overwrites";
    let did = "`create` under the same id answered Created. The rule asks for Taken.";
    is_caught(Fault::CreateOverwrites, rule, did).await;
}

#[tokio::test]
async fn a_create_that_is_not_atomic_is_caught() {
    let rule = "of many creates under one id, exactly one is stored";
    is_caught(Fault::CreateChecksFirst, rule, "20 were answered Created").await;
}

#[tokio::test]
async fn an_update_that_ignores_the_version_is_caught() {
    let rule = "`update` stores only if the record still has the version that the caller expects";
    let did = "`update` to the version before answered Updated. The rule asks for Conflict.";
    is_caught(Fault::UpdateIgnoresExpected, rule, did).await;
}

#[tokio::test]
async fn an_update_that_recreates_is_caught() {
    let rule = "`update` never brings back a record that is missing";
    let did = "`delete` succeeded, `update` answered Updated. The rule asks for Missing. A load now finds a record.";
    is_caught(Fault::UpdateRecreatesDeleted, rule, did).await;
}

#[tokio::test]
async fn an_update_that_creates_is_caught() {
    let rule = "an id that was never used is missing, for every operation";
    is_caught(Fault::UpdateCreates, rule, "`update` answered Updated").await;
}

#[tokio::test]
async fn a_delete_of_one_version_only_is_caught() {
    let rule = "`delete` deletes by id, whatever the version";
    let did = "`delete` succeeded. A load then found a record.";
    is_caught(Fault::DeleteOfFirstVersionOnly, rule, did).await;
}

#[tokio::test]
async fn a_delete_that_fails_on_missing_records_is_caught() {
    let rule = "deleting what is not there is no error";
    let did = "`delete` of an id that was never used failed: the session store is not available: no such record.";
    is_caught(Fault::DeleteFailsIfMissing, rule, did).await;
}

#[tokio::test]
async fn a_creation_time_that_an_update_overwrites_is_caught() {
    let rule =
        "a record comes back as it was stored, with all its members, their order and their text";
    is_caught(Fault::UpdateOverwritesTimes, rule, "`created_at` is ").await;
}

#[tokio::test]
async fn a_ttl_that_is_rounded_up_is_caught() {
    let rule = "a record whose time to live has passed is not there, for any operation";
    for fault in [Fault::TtlRoundedToSeconds, Fault::TtlRoundedToMinutes] {
        is_caught(fault, rule, "Its time to live was 1ms").await;
    }
}

#[tokio::test]
async fn a_ttl_that_an_update_does_not_replace_is_caught() {
    let rule = "a record whose time to live has passed is not there, for any operation";
    let did = "`update` with a TTL of zero answered Updated. A load then found a record.";
    is_caught(Fault::UpdateKeepsTtl, rule, did).await;
}

#[tokio::test]
async fn a_ttl_that_only_gets_shorter_is_caught() {
    let rule = "a record is there until its time to live has passed, whatever times it holds";
    let did = "`update` for a minute answered Updated. A load then found nothing.";
    is_caught(Fault::TtlOnlyShortens, rule, did).await;
}

#[tokio::test]
async fn a_load_of_an_expired_record_is_caught() {
    let rule = "a record whose time to live has passed is not there, for any operation";
    let did = "`create` with a TTL of zero answered Created. A load then found a record.";
    is_caught(Fault::LoadIgnoresTtl, rule, did).await;
}

#[tokio::test]
async fn an_update_of_an_expired_record_is_caught() {
    let rule = "a record whose time to live has passed is not there, for any operation";
    let did = "`update` of the expired record answered Updated. The rule asks for Missing.";
    is_caught(Fault::UpdateIgnoresTtl, rule, did).await;
}

#[tokio::test]
async fn a_conflict_with_the_own_version_is_caught() {
    let did = "`update` with the same versions answered Conflict. The rule asks for Updated.";
    is_caught(Fault::ConflictAtOwnVersion, OWN_VERSION, did).await;
}

#[tokio::test]
async fn an_update_that_rewrites_the_own_version_is_caught() {
    let did =
        "`update` to that version with another record answered Updated. A load then found another";
    is_caught(Fault::RewritesOwnVersion, OWN_VERSION, did).await;
}

#[tokio::test]
async fn versions_that_are_compared_as_floats_are_caught() {
    let rule = "a version is any number, and is compared for equality with the current one only";
    let did = "answered Updated. The rule asks for Conflict.";
    is_caught(Fault::VersionsAsFloats, rule, did).await;
}

#[tokio::test]
async fn a_corrupt_record_that_is_passed_off_as_missing_is_caught() {
    let rule = "a record that can't be decoded is an error of kind Corrupt";
    let message = message(Fault::CorruptIsMissing).await;
    assert!(
        message.starts_with(&format!("rule broken: {rule}, never")),
        "{message}"
    );
    assert!(message.ends_with("A load then found nothing."), "{message}");
}

#[tokio::test]
async fn members_that_are_not_kept_are_caught() {
    let rule =
        "a record comes back as it was stored, with all its members, their order and their text";
    is_caught(Fault::DropsUnknownMembers, rule, "its text, from its byte ").await;
}

#[tokio::test]
async fn ids_that_ignore_case_are_caught() {
    let rule = "each id has a record of its own";
    let did = "answered Created, nothing was stored under the id ";
    is_caught(Fault::IdsIgnoreCase, rule, did).await;
}

#[tokio::test]
async fn an_update_that_is_not_atomic_is_caught() {
    let rule =
        "an operation happens as a whole or not at all, also if its future is dropped midway";
    let did = "`update` was dropped at poll 1. A load then found half of it: its version is";
    is_caught(Fault::UpdateInTwoSteps, rule, did).await;
}

#[tokio::test]
async fn a_lock_that_a_dropped_operation_keeps_is_caught() {
    // The suite waits for 30 s before it calls a store stuck.
    tokio::time::pause();
    let rule =
        "an operation happens as a whole or not at all, also if its future is dropped midway";
    is_caught(
        Fault::DroppedUpdateKeepsLock,
        rule,
        "did not answer within 30s",
    )
    .await;
}

#[tokio::test]
async fn a_lost_update_is_caught() {
    let rule = "of many updates that expect one version, exactly one is stored";
    is_caught(Fault::UpdateChecksFirst, rule, "20 were answered Updated").await;
}

#[tokio::test]
async fn an_update_that_revives_a_deleted_record_is_caught() {
    let rule = "a deleted record never comes back, whatever updates were in flight";
    let did = "all updates ended. A load then found a record.";
    is_caught(Fault::UpdateRevives, rule, did).await;
}

#[tokio::test]
async fn a_cache_of_refused_records_is_caught() {
    let rule = "a `load` never finds what was not stored under its id";
    let did = "A cached load then found another record";
    is_caught(Fault::CacheKeepsRefused, rule, did).await;
}

#[tokio::test]
async fn a_cache_that_current_loads_read_is_caught() {
    let rule = "a `load` that asks for the current record sees every write that was acknowledged";
    is_caught(Fault::CurrentFromCache, rule, "A load then found").await;
}
