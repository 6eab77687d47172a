//! Stores that break one rule of [`SubjectStore`](sessile::storage::SubjectStore) each. The suite has to name the rule.

use std::future::Future;

use sessile::test_helpers::{
    end_everything_test_suite, store_contract_test_suite, subject_store_test_suite,
};

use tokio::task::LocalSet;

use crate::{
    subject_fault::SubjectFault::{self, *},
    subjects::BrokenSubjects,
};

/// The suite fails on a store with this fault, names `rule`, and says what the store did.
async fn is_caught(fault: SubjectFault, rule: &str, did: &str) {
    let suite = subject_store_test_suite(move || BrokenSubjects::new(Some(fault)));
    fails(fault, suite, rule, did).await;
}

/// The suite fails, names `rule`, and says what the store did.
pub(crate) async fn fails(
    fault: impl std::fmt::Debug,
    suite: impl Future<Output = ()> + 'static,
    rule: &str,
    did: &str,
) {
    let tasks = LocalSet::new();
    let suite = tasks.spawn_local(suite);
    let Err(error) = tasks.run_until(suite).await else {
        panic!("the suite passed {fault:?}");
    };
    let message = error.into_panic().downcast::<String>().unwrap();
    println!("{fault:?}: {message}");
    let start = format!("rule broken: {rule}. ");
    assert!(message.starts_with(&start), "{fault:?}: {message}");
    assert!(message[start.len()..].contains(did), "{fault:?}: {message}");
}

#[tokio::test]
async fn a_correct_store_passes() {
    let build = || BrokenSubjects::new(None);
    store_contract_test_suite(build).await;
    subject_store_test_suite(build).await;
    end_everything_test_suite(build).await;
    // As on a server that several tests use.
    let store = BrokenSubjects::new(None);
    subject_store_test_suite(move || store.clone()).await;
}

#[tokio::test]
async fn a_wrong_list_is_caught() {
    let rule = "`list` returns the live sessions whose record names the subject, as they are stored, and no others";
    for fault in [
        ListMissesUpdates,
        ListHasDeleted,
        ListHasExpired,
        ListHasAHundredAtMost,
        ListHasFormerSubjects,
    ] {
        is_caught(fault, rule, "A list then had [").await;
    }
}

#[tokio::test]
async fn an_unreadable_session_with_a_wrong_effect_is_caught() {
    let rule = "a session whose record can't be decoded is not in the `list` and fails none, is found by its label, and ends by a limit or by `end_subject` as the others do";
    for (fault, did) in [
        (UnreadableFailsTheList, "`list` failed"),
        (UnreadableHasNoLabel, "then found []"),
        (UnreadableIsNotDisplaced, "`load` of session 1"),
        (UnreadableDoesNotEnd, "The rule asks for ["),
    ] {
        is_caught(fault, rule, did).await;
    }
}

#[tokio::test]
async fn a_wrong_order_is_caught() {
    let rule = "`list` returns the sessions in the order in which they signed in";
    is_caught(ListInOrderOfChange, rule, "The rule asks for [").await;
}

#[tokio::test]
async fn a_digest_with_a_meaning_of_its_own_is_caught() {
    let rule = "each subject has its own sessions, whatever the bytes of its digest";
    is_caught(ZeroDigestIsEverything, rule, "then found nothing").await;
}

#[tokio::test]
async fn a_wrong_label_is_caught() {
    let rule = "`find_by_label` returns the live sessions whose record has exactly this label, which is any text";
    for fault in [
        LabelIgnoresCase,
        LabelIgnoresTrailingSpaces,
        LabelIsCutOff,
        LabelMissesGuests,
        LabelFindsEnded,
    ] {
        is_caught(fault, rule, "then found [").await;
    }
}

#[tokio::test]
async fn a_session_that_a_mark_does_not_end_is_caught() {
    let rule = "`create`, `update` and `sign_in` refuse a record that signed in at or before the time of a mark of its subject, and store nothing";
    for (fault, did) in [
        (
            EndOnlyDeletes,
            "answered Created. The rule asks for Refused",
        ),
        (
            CreateIgnoresMarks,
            "answered Created. The rule asks for Refused",
        ),
        (
            UpdateIgnoresMarks,
            "answered Updated. The rule asks for Refused",
        ),
        (SignInIgnoresMarks, "answered Stored"),
        (
            MarkIsExclusive,
            "answered Created. The rule asks for Refused",
        ),
    ] {
        is_caught(fault, rule, did).await;
    }
}

#[tokio::test]
async fn a_mark_that_ends_others_is_caught() {
    let rule = "a mark concerns neither other subjects, nor guests, nor later sign-ins";
    is_caught(MarkRefusesLater, rule, "The rule asks for Created").await;
    let rule = "`create`, `update` and `sign_in` refuse a record that signed in at or before the time of a mark of its subject, and store nothing";
    is_caught(MarkEndsGuests, rule, "").await;
}

#[tokio::test]
async fn a_wrong_time_of_a_mark_is_caught() {
    let rule = "the time of a mark is that of the call, of the newest sign-in in the list or of the earlier mark, whichever is the latest";
    for fault in [MarkIgnoresNewestSignIn, MarkMovesBackwards] {
        is_caught(fault, rule, "The mark is at ").await;
    }
}

#[tokio::test]
async fn a_kept_session_that_ends_is_caught() {
    let rule =
        "`end_subject` ends all sessions but the kept one, which stays until a later mark ends it";
    is_caught(KeptIsEnded, rule, "then found nothing").await;
    is_caught(KeptStaysForever, rule, "The rule asks for [").await;
}

#[tokio::test]
async fn keeping_a_session_that_has_ended_is_caught() {
    let rule = "`end_subject` does nothing if the session that it has to keep has ended or is not the subject's";
    for fault in [KeptIsNotChecked, KeptMayBeAnothers] {
        is_caught(fault, rule, "The rule asks for KeptHasEnded").await;
    }
}

#[tokio::test]
async fn a_sign_in_that_does_not_swap_is_caught() {
    let rule = "`sign_in` stores as `create` and `update` do: never over another version or a missing record";
    is_caught(SignInOverwrites, rule, "The rule asks for Taken").await;
    is_caught(SignInIgnoresVersion, rule, "The rule asks for Conflict").await;
    is_caught(ConflictEndsOthers, rule, "A list then had []").await;
}

#[tokio::test]
async fn a_repeated_sign_in_that_counts_is_caught() {
    let rule = "`sign_in` reports a session that is already at the new version as stored, and ends no other";
    is_caught(RepeatedSignInCounts, rule, "The rule asks for Stored").await;
}

#[tokio::test]
async fn ending_the_wrong_sessions_at_the_limit_is_caught() {
    let rule = "`sign_in` at the limit ends the sessions that signed in earliest, and only as many as have to end";
    for fault in [LimitEndsNewest, LimitEndsOne] {
        is_caught(fault, rule, "The rule asks for Stored").await;
    }
}

#[tokio::test]
async fn a_sign_in_that_is_refused_too_late_is_caught() {
    let rule = "`sign_in` under a limit that refuses stores nothing if the subject has as many other sessions";
    is_caught(LimitRefusesAfterStoring, rule, "then found a record").await;
}

#[tokio::test]
async fn a_wrong_count_is_caught() {
    let rule = "a limit counts the live sessions of the subject other than the one that signs in";
    is_caught(LimitCountsExpired, rule, "The rule asks for Stored").await;
    is_caught(LimitCountsAllSubjects, rule, "The rule asks for Stored").await;
    let rule = "`sign_in` at the limit ends the sessions that signed in earliest, and only as many as have to end";
    is_caught(LimitCountsOwn, rule, "The rule asks for Stored").await;
}

#[tokio::test]
async fn a_limit_that_is_not_atomic_is_caught() {
    let rule = "a limit holds exactly, however many sign-ins run at once";
    is_caught(LimitChecksFirst, rule, "").await;
}

#[tokio::test]
async fn a_write_that_a_mark_overtakes_is_caught() {
    let rule = "a session that `end_subject` has ended never comes back, whatever was in flight";
    is_caught(LooksForMarksFirst, rule, "sessions were listed").await;
}

#[tokio::test]
async fn an_index_that_comes_late_is_caught() {
    let rule = "`list` returns exactly the sessions that `load` finds, also if operations were dropped midway";
    let did = "A load then found the session, which the list does not have.";
    is_caught(IndexAfterStoring, rule, did).await;
}

#[tokio::test]
async fn an_end_of_everything_that_spares_a_session_is_caught() {
    let rule = "`end_everything` ends all sessions of users and guests, refuses the sign-ins before it, and keeps the entries of a revocation list";
    for (fault, did) in [
        (EverythingSparesGuests, "then found a record"),
        (EverythingSparesKept, "then found a record"),
        (EverythingIgnoresSignIns, "before the newest sign-in"),
        (EverythingSweepsLists, "then found nothing"),
        (EverythingCountsLists, "after every sign-in"),
    ] {
        let suite = end_everything_test_suite(move || BrokenSubjects::new(Some(fault)));
        fails(fault, suite, rule, did).await;
    }
}

#[tokio::test]
async fn a_wrong_answer_about_a_cookie_is_caught() {
    let rule = "`is_revoked` is true for an id with a live record, and for a session that began at or before the time of a mark of its subject or of everything";
    for (fault, did) in [
        (RevokesNoId, "answered false"),
        (RevokesDeletedIds, "answered true"),
        (RevokesNothingByMarks, "answered false"),
        (RevokesByOtherMarks, "answered true"),
    ] {
        is_caught(fault, rule, did).await;
    }
    let suite = end_everything_test_suite(|| BrokenSubjects::new(Some(RevokesNoGuests)));
    fails(RevokesNoGuests, suite, rule, "answered false").await;
}
