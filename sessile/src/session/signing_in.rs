//! Signing a user in, and the labels of the session.

use std::mem;

use super::{
    Session, SessionStatus, Work,
    flush::{AddedSignIn, FlushSignIn},
    journal::{DetailChanges, SignIn},
};
use crate::{
    clock::Timestamp,
    error::{InvalidSubjectError, SignInError, WriteError},
    record::{Details, Payload},
};

/// The maximum length of a subject, a label and its name in bytes.
pub(crate) const MAX_SUBJECT_BYTES: usize = 255;

/// The maximum number of labels of a session.
const MAX_LABELS: usize = 32;

impl Session {
    /// Signs a user in: gives the session another key, ties it to the user, and stores it at once.
    ///
    #[doc = include_str!("docs/sign_in.md")]
    pub async fn sign_in(&self, subject: &str) -> Result<(), SignInError> {
        check_subject(subject)?;
        // The response depends on the session, and a session that no middleware has opened warns.
        drop(self.changing());
        let backend = self.backend_with_store().ok_or(SignInError::NoStore)?;
        backend.sign_in(self, subject).await
    }

    /// Signs the user out: the same as [`purge`](Self::purge).
    ///
    #[doc = include_str!("docs/sign_out.md")]
    pub fn sign_out(&self) {
        self.purge();
    }

    /// The user that the session is signed in as, or `None`.
    ///
    #[doc = include_str!("docs/subject.md")]
    #[must_use]
    pub fn subject(&self) -> Option<String> {
        let machine = self.reading();
        machine.payload.subject().map(ToOwned::to_owned)
    }

    /// When the user last proved who they are: at the sign-in, or at a later
    /// [`reauthenticate`](Self::reauthenticate).
    ///
    #[doc = include_str!("docs/authenticated_at.md")]
    #[must_use]
    pub fn authenticated_at(&self) -> Option<Timestamp> {
        self.reading().payload.details()?.authenticated_at
    }

    /// Notes that the user has proved again who they are, and gives the session another key.
    ///
    #[doc = include_str!("docs/reauthenticate.md")]
    pub fn reauthenticate(&self) -> Result<(), WriteError> {
        let now = self.now();
        self.changing().reauthenticate(now)
    }

    /// Sets or removes a label, which lists of the user's sessions show: for example the device or the browser.
    ///
    #[doc = include_str!("docs/set_label.md")]
    pub fn set_label(&self, name: &str, text: Option<&str>) -> Result<(), WriteError> {
        check_label(name)?;
        text.map_or(Ok(()), check_label)?;
        let mut machine = self.changing();
        machine.check_writable()?;
        let labels = machine.payload.details().map_or(&[][..], |it| &it.labels);
        let is_new = text.is_some() && labels.iter().all(|(known, _)| known != name);
        if is_new && labels.len() >= MAX_LABELS {
            return Err(WriteError::TooManyLabels { max: MAX_LABELS });
        }
        machine.change_details(DetailChanges {
            labels: vec![(name.to_owned(), text.map(ToOwned::to_owned))],
            ..DetailChanges::default()
        })
    }

    /// The labels of the session, in the order of their names.
    ///
    #[doc = include_str!("docs/labels.md")]
    #[must_use]
    pub fn labels(&self) -> Vec<(String, String)> {
        let machine = self.reading();
        let details = machine.payload.details();
        details.map_or_else(Vec::new, |details| details.labels.clone())
    }

    /// Sets or removes the label that the session can be found by: for example the `sid` of an identity provider.
    ///
    #[doc = include_str!("docs/set_lookup_label.md")]
    pub fn set_lookup_label(&self, text: Option<&str>) -> Result<(), WriteError> {
        text.map_or(Ok(()), check_label)?;
        self.changing().change_details(DetailChanges {
            lookup_label: Some(text.map(ToOwned::to_owned)),
            ..DetailChanges::default()
        })
    }
}

impl Work {
    /// Signs a user in, and renews the session.
    pub(crate) fn sign_in(&mut self, sign_in: SignIn, now: Timestamp) {
        let changes = DetailChanges {
            sign_in: Some(sign_in),
            authenticated_at: Some(now),
            ..DetailChanges::default()
        };
        changes.apply(&mut self.payload);
        self.journal.change_details(changes.clone());
        let status = self.status;
        self.sign_in = FlushSignIn::Added(Box::new(AddedSignIn { changes, status }));
        self.status = status.stronger(SessionStatus::Renewed);
    }

    /// Takes the sign-in back, which the store refused. The other changes stay.
    pub(crate) fn forget_sign_in(&mut self) {
        self.journal.forget_sign_in();
        for (_, journal) in self.unsettled.iter_mut().flat_map(|it| &mut it.attempts) {
            journal.forget_sign_in();
        }
        self.is_rebased = false;
        if let FlushSignIn::Added(own) = mem::replace(&mut self.sign_in, FlushSignIn::Refused) {
            self.status = own.status;
        }
    }
}

impl Payload {
    /// Takes a sign-in back that was not stored. `stored` is what the session is based on, and `authenticated_at` is of a later
    /// authentication.
    pub(super) fn restore_sign_in(
        &mut self,
        stored: Option<&Details>,
        authenticated_at: Option<Timestamp>,
    ) {
        let details = self.details_mut();
        details.subject = stored.and_then(|it| it.subject.clone());
        details.signed_in_at = stored.and_then(|it| it.signed_in_at);
        details.authenticated_at =
            authenticated_at.or_else(|| stored.and_then(|it| it.authenticated_at));
        self.drop_empty_details();
    }
}

fn check_subject(subject: &str) -> Result<(), InvalidSubjectError> {
    match subject.len() {
        1..=MAX_SUBJECT_BYTES => Ok(()),
        len => Err(InvalidSubjectError { len }),
    }
}

fn check_label(text: &str) -> Result<(), WriteError> {
    match text.len() {
        ..=MAX_SUBJECT_BYTES => Ok(()),
        len => Err(WriteError::LabelTooLong {
            len,
            max: MAX_SUBJECT_BYTES,
        }),
    }
}
