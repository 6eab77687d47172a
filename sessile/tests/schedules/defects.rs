//! Stores that break one rule of the contract each. The exploration has to find it.

use crate::{
    explore::find,
    model::Defect,
    programs::Program::{
        self, EndAll, EndFromOutside, Expiry, Increment, Purge, Renew, Restart, SignIn, Write,
    },
    violation::Invariant,
};

/// The exploration of these programs finds that the defect breaks the invariant.
#[track_caller]
fn is_caught(defect: Defect, programs: [Program; 2], invariant: Invariant) {
    match find(programs, defect, invariant).violation {
        Some(violation) => println!("{defect:?}: {violation}"),
        None => panic!("{defect:?} is not caught by {programs:?}"),
    }
}

#[test]
fn a_stale_near_cache_after_a_renewal_is_caught() {
    is_caught(Defect::CurrentFromCache, [Write, Renew], Invariant::OldKey);
}

#[test]
fn a_stale_near_cache_after_an_end_is_caught() {
    is_caught(Defect::CurrentFromCache, [Write, Purge], Invariant::Ended);
}

#[test]
fn a_create_that_is_sent_again_and_lands_after_a_delete_is_caught() {
    is_caught(Defect::CreateSentAgain, [Write, Restart], Invariant::Ended);
}

#[test]
fn a_create_that_overwrites_is_caught() {
    is_caught(Defect::CreateOverwrites, [Write, Restart], Invariant::Lost);
}

#[test]
fn an_update_that_ignores_the_version_is_caught() {
    is_caught(
        Defect::UpdateIgnoresExpected,
        [Increment, Increment],
        Invariant::Lost,
    );
}

#[test]
fn an_update_that_ignores_the_version_after_a_renewal_is_caught() {
    is_caught(
        Defect::UpdateIgnoresExpected,
        [Write, Renew],
        Invariant::OldKey,
    );
}

#[test]
fn an_update_that_recreates_a_deleted_session_is_caught() {
    is_caught(
        Defect::UpdateRecreates,
        [Write, EndFromOutside],
        Invariant::Ended,
    );
}

#[test]
fn an_update_that_is_not_atomic_is_caught() {
    is_caught(
        Defect::UpdateInTwoSteps,
        [Increment, Increment],
        Invariant::Lost,
    );
}

#[test]
fn an_update_that_keeps_the_old_secrets_is_caught() {
    is_caught(
        Defect::UpdateKeepsSecrets,
        [Renew, Write],
        Invariant::OldKey,
    );
}

#[test]
fn an_update_that_is_repeated_over_another_write_is_caught() {
    is_caught(
        Defect::UpdateRepeatedBlindly,
        [Increment, Increment],
        Invariant::Lost,
    );
}

#[test]
fn a_lost_answer_that_is_passed_off_as_a_conflict_is_caught() {
    is_caught(
        Defect::LostAnswerIsConflict,
        [Increment, Write],
        Invariant::Twice,
    );
}

#[test]
fn a_lost_answer_that_is_passed_off_as_missing_is_caught() {
    is_caught(
        Defect::LostAnswerIsMissing,
        [Write, Renew],
        Invariant::Twice,
    );
}

#[test]
fn a_lost_request_that_is_passed_off_as_updated_is_caught() {
    is_caught(
        Defect::LostRequestIsUpdated,
        [Write, Increment],
        Invariant::Lost,
    );
}

#[test]
fn a_delete_that_does_nothing_is_caught() {
    is_caught(Defect::DeleteDoesNothing, [Purge, Write], Invariant::Ended);
}

#[test]
fn a_delete_that_compares_versions_is_caught() {
    is_caught(
        Defect::DeleteOfLoadedVersion,
        [Purge, Write],
        Invariant::Ended,
    );
}

#[test]
fn a_record_that_is_served_after_its_time_to_live_is_caught() {
    is_caught(Defect::IgnoresTtl, [Expiry, Write], Invariant::Ended);
}

#[test]
fn a_sign_in_that_is_stored_after_the_end_of_all_is_caught() {
    is_caught(
        Defect::StoresEndedSubjects,
        [SignIn, EndAll],
        Invariant::Ended,
    );
}
