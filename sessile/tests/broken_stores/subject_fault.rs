//! [`SubjectFault`]: how a store breaks a rule of [`SubjectStore`](sessile::storage::SubjectStore).

/// A fault of such a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SubjectFault {
    ListMissesUpdates,
    ListHasDeleted,
    ListHasExpired,
    ListInOrderOfChange,
    ListHasAHundredAtMost,
    ListHasFormerSubjects,
    /// A digest of zeros ends all sessions.
    ZeroDigestIsEverything,
    LabelIgnoresCase,
    LabelIgnoresTrailingSpaces,
    LabelIsCutOff,
    LabelMissesGuests,
    LabelFindsEnded,
    EndOnlyDeletes,
    CreateIgnoresMarks,
    UpdateIgnoresMarks,
    SignInIgnoresMarks,
    /// A sign-in in the millisecond of the mark is alive.
    MarkIsExclusive,
    MarkRefusesLater,
    MarkEndsGuests,
    MarkIgnoresNewestSignIn,
    MarkMovesBackwards,
    KeptIsEnded,
    KeptIsNotChecked,
    KeptMayBeAnothers,
    KeptStaysForever,
    RepeatedSignInCounts,
    SignInOverwrites,
    SignInIgnoresVersion,
    ConflictEndsOthers,
    LimitEndsNewest,
    LimitEndsOne,
    LimitCountsOwn,
    LimitCountsExpired,
    LimitCountsAllSubjects,
    LimitRefusesAfterStoring,
    /// Another sign-in can come between the count and the write.
    LimitChecksFirst,
    /// Only writes look for a mark, and a mark can come between the look and the write.
    LooksForMarksFirst,
    /// The session is stored, and a moment later listed.
    IndexAfterStoring,
    EverythingSparesGuests,
    EverythingSparesKept,
    EverythingIgnoresSignIns,
    EverythingSweepsLists,
    EverythingCountsLists,
    RevokesNoId,
    RevokesDeletedIds,
    RevokesNothingByMarks,
    RevokesByOtherMarks,
    RevokesNoGuests,
}
