//! What [`Session`] checks before a user is signed in, and before a label is set.

use super::{Session, journal::DetailChanges};
use crate::error::{InvalidSubjectError, SignInError, WriteError};

/// The maximum length of a subject, a label and its name in bytes.
pub(crate) const MAX_SUBJECT_BYTES: usize = 255;

/// The maximum number of labels of a session.
const MAX_LABELS: usize = 32;

impl Session {
    pub(super) async fn try_sign_in(&self, subject: &str) -> Result<(), SignInError> {
        check_subject(subject)?;
        drop(self.changing());
        let backend = self.store().ok_or(SignInError::NoStore)?;
        backend.sign_in(self, subject).await
    }

    pub(super) fn try_set_label(&self, name: &str, text: Option<&str>) -> Result<(), WriteError> {
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

    pub(super) fn try_set_lookup_label(&self, text: Option<&str>) -> Result<(), WriteError> {
        text.map_or(Ok(()), check_label)?;
        self.changing().change_details(DetailChanges {
            label: Some(text.map(ToOwned::to_owned)),
            ..DetailChanges::default()
        })
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
