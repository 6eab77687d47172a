//! The operations of a check on the sessions of its subject.

use super::{super::contract::case::MINUTE, Known, Scene};
use crate::{
    clock::Timestamp,
    storage::{
        EndOutcome, Freshness, Kept, Loaded, SessionId, SessionLimit, SignInOutcome, SignInWrite,
        SubjectDigest, SubjectStore,
    },
};

impl<S: SubjectStore> Scene<S> {
    /// Signs `new` in, in place of `old` or as a session that is created.
    pub(super) async fn sign_in(
        &mut self,
        old: Option<&Known>,
        new: &Known,
        limit: SessionLimit,
    ) -> SignInOutcome {
        let Loaded { record, version } = &new.loaded;
        let write = match old {
            Some(old) => SignInWrite::update(&new.id, old.loaded.version, record, *version, MINUTE),
            None => SignInWrite::create(&new.id, record, *version, MINUTE),
        };
        self.case.id = new.id.clone();
        let name = format!("`sign_in` {}", new.of());
        let signing_in = self.store().sign_in(write, limit);
        let outcome = self.case.succeeds(&name, signing_in).await;
        self.case.note(format!("{name} answered {outcome:?}"));
        outcome
    }

    /// Signs `new` in, which has to end these sessions.
    pub(super) async fn signs_in(
        &mut self,
        old: Option<&Known>,
        new: &Known,
        limit: SessionLimit,
        ended: &[&Known],
    ) {
        let outcome = self.sign_in(old, new, limit).await;
        let displaced = ended.iter().map(|it| it.id.clone()).collect();
        let wanted = SignInOutcome::Stored { displaced };
        self.case.wants(sorted(outcome), sorted(wanted)).await;
        self.opens(new).await;
        for known in ended {
            self.is_gone(known).await;
        }
    }

    pub(super) async fn end(&mut self, millis: u64, kept: Option<&Known>) -> EndOutcome {
        let name = match kept {
            Some(kept) => format!("`end_subject` that keeps session {}", kept.number),
            None => "`end_subject`".to_owned(),
        };
        let kept = kept.map(|kept| Kept {
            id: &kept.id,
            signed_in_at: kept.loaded.record.signed_in_at().unwrap_or(self.start),
        });
        let ending = self
            .store()
            .end_subject(&self.subject, self.at(millis), kept);
        let outcome = self.case.succeeds(&name, ending).await;
        self.case.note(match &outcome {
            EndOutcome::Ended { ids, .. } => format!("{name} ended {} sessions", ids.len()),
            outcome => format!("{name} answered {outcome:?}"),
        });
        outcome
    }

    /// Ends the subject's sessions, and checks that these have ended. Returns the time of the mark.
    pub(super) async fn ends(
        &mut self,
        millis: u64,
        kept: Option<&Known>,
        ended: &[&Known],
    ) -> Timestamp {
        let EndOutcome::Ended { at, mut ids } = self.end(millis, kept).await else {
            self.case.broken("The rule asks for Ended.");
        };
        let mut wanted: Vec<_> = ended.iter().map(|it| it.id.clone()).collect();
        ids.sort_unstable_by_key(ToString::to_string);
        wanted.sort_unstable_by_key(ToString::to_string);
        if ids != wanted {
            self.case.broken(format_args!(
                "It answered with {ids:?}. The rule asks for {wanted:?}."
            ));
        }
        for known in ended {
            self.is_gone(known).await;
        }
        at
    }

    pub(super) async fn list(&self) -> Vec<(SessionId, Loaded)> {
        self.list_of(&self.subject).await
    }

    pub(super) async fn list_of(&self, subject: &SubjectDigest) -> Vec<(SessionId, Loaded)> {
        let listing = self.store().list(subject);
        self.case.succeeds("`list`", listing).await
    }

    /// Breaks the rule unless the list has exactly these sessions, in this order.
    pub(super) async fn lists(&mut self, wanted: &[&Known]) {
        let list = self.list().await;
        let ids = |list: &mut dyn Iterator<Item = &SessionId>| {
            let ids = list.map(ToString::to_string);
            ids.collect::<Vec<_>>().join(", ")
        };
        let found = ids(&mut list.iter().map(|(id, _)| id));
        let asked = ids(&mut wanted.iter().map(|it| &it.id));
        if found != asked {
            self.case.broken(format_args!(
                "A list then had [{found}]. The rule asks for [{asked}]."
            ));
        }
        for ((_, found), wanted) in list.iter().zip(wanted) {
            if *found != wanted.loaded {
                self.case
                    .note("a list found another record, as a load does");
                self.case.wants_found(Some(found), &wanted.loaded);
            }
        }
    }

    /// Breaks the rule unless each kind of `load` finds the session, or finds nothing.
    async fn loads(&mut self, known: &Known, is_alive: bool) {
        let other = SubjectDigest::from_bytes([7; SubjectDigest::LEN]);
        for (hint, how) in [
            (Some(&self.subject), "with the hint"),
            (None, "without a hint"),
            (Some(&other), "with a wrong hint"),
        ] {
            let name = format!("`load` {} {how}", known.of());
            let load = self.case.store.load(&known.id, hint, Freshness::Current);
            let loaded = self.case.succeeds(&name, load).await;
            match (loaded, is_alive) {
                (Some(_), false) => self
                    .case
                    .broken(format_args!("A {name} then found a record.")),
                (None, true) => self
                    .case
                    .broken(format_args!("A {name} then found nothing.")),
                (Some(found), true) => self.case.wants_found(Some(&found), &known.loaded),
                (None, false) => {}
            }
        }
    }

    /// Breaks the rule unless a load finds the session as it was stored.
    pub(super) async fn opens(&mut self, known: &Known) {
        self.loads(known, true).await;
    }

    /// Breaks the rule if a load finds the session.
    pub(super) async fn is_gone(&mut self, known: &Known) {
        self.loads(known, false).await;
    }

    pub(super) async fn find_by_label(&self, label: &str) -> Vec<SessionId> {
        let finding = self.store().find_by_label(label);
        self.case.succeeds("`find_by_label`", finding).await
    }

    /// Breaks the rule unless the label finds exactly these sessions.
    pub(super) async fn labels(&self, label: &str, wanted: &[&Known]) {
        let text = |ids: &mut dyn Iterator<Item = &SessionId>| {
            let mut ids: Vec<_> = ids.map(ToString::to_string).collect();
            ids.sort_unstable();
            ids.join(", ")
        };
        let found = text(&mut self.find_by_label(label).await.iter());
        let wanted = text(&mut wanted.iter().map(|it| &it.id));
        if found != wanted {
            self.case.broken(format_args!(
                "{label:?} then found [{found}]. The rule asks for [{wanted}]."
            ));
        }
    }
}

/// The outcome, with the displaced sessions in a fixed order.
fn sorted(mut outcome: SignInOutcome) -> SignInOutcome {
    if let SignInOutcome::Stored { displaced } = &mut outcome {
        displaced.sort_unstable_by_key(ToString::to_string);
    }
    outcome
}
