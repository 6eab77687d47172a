//! The members of a record's text that are JSON objects themselves.

use std::{borrow::Cow, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    clock::Timestamp,
    config::Persistence,
    record::{
        DecodeError, Epoch, Flash, Previous, Rotation, RotationStep, SecretDigest,
        id::{decode_16, encode_16},
        json,
    },
};

#[derive(Serialize, Deserialize)]
pub(super) struct PreviousText {
    d: String,
    e: u64,
    t: u64,
}

impl PreviousText {
    pub(super) fn of(previous: &Previous) -> Self {
        Self {
            d: text_of(&previous.digest),
            e: previous.epoch.0,
            t: previous.replaced_at.as_unix_millis(),
        }
    }

    pub(super) fn into_previous(self) -> Result<Previous, DecodeError> {
        Ok(Previous {
            digest: digest(&self.d)?,
            epoch: Epoch(self.e),
            replaced_at: Timestamp::from_unix_millis(self.t),
        })
    }
}

#[derive(Default, Serialize, Deserialize)]
pub(super) struct RotationText {
    t: u64,
    /// The digest of the pending secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<String>,
    /// The digest of the former secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    f: Option<String>,
    /// The digest of a stale secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
}

impl RotationText {
    pub(super) fn of(rotation: &Rotation) -> Self {
        let text = Self {
            t: rotation.since.as_unix_millis(),
            ..Self::default()
        };
        let nonce_text = |nonce| Some(encode_16(nonce, &mut [0; 22]).to_owned());
        match &rotation.step {
            RotationStep::Done => text,
            RotationStep::Pending { digest, nonce } => Self {
                p: Some(text_of(digest)),
                n: nonce_text(nonce),
                ..text
            },
            RotationStep::Promoted { former, nonce } => Self {
                f: Some(text_of(former)),
                n: nonce_text(nonce),
                ..text
            },
            RotationStep::Renewed { stale } => Self {
                s: Some(text_of(stale)),
                ..text
            },
        }
    }

    pub(super) fn into_rotation(self) -> Result<Rotation, DecodeError> {
        let nonce = self.n.as_deref().map(decode_16);
        let step = match (&self.p, &self.f, &self.s, nonce) {
            (None, None, None, None) => RotationStep::Done,
            (Some(pending), None, None, Some(Some(nonce))) => RotationStep::Pending {
                digest: digest(pending)?,
                nonce,
            },
            (None, Some(former), None, Some(Some(nonce))) => RotationStep::Promoted {
                former: digest(former)?,
                nonce,
            },
            (None, None, Some(stale), None) => RotationStep::Renewed {
                stale: digest(stale)?,
            },
            _ => return Err(DecodeError::Secrets),
        };
        Ok(Rotation {
            since: Timestamp::from_unix_millis(self.t),
            step,
        })
    }
}

fn text_of(digest: &SecretDigest) -> String {
    digest.encode(&mut [0; 22]).to_owned()
}

pub(super) fn digest(text: &str) -> Result<SecretDigest, DecodeError> {
    SecretDigest::decode(text).ok_or(DecodeError::Secrets)
}

/// The id, the key and the value of a flash.
#[derive(Serialize, Deserialize)]
pub(super) struct FlashText<'a>(u64, Cow<'a, str>, #[serde(borrow)] &'a RawValue);

impl<'a> FlashText<'a> {
    /// `None` if the value is not JSON, which does not happen: it was made from a value.
    pub(super) fn of(flash: &'a Flash) -> Option<Self> {
        let value = json::parse(&flash.text).ok()?;
        Some(Self(flash.id, Cow::Borrowed(&flash.key), value))
    }

    pub(super) fn into_flash(self) -> Flash {
        let Self(id, key, value) = self;
        Flash {
            id,
            key: key.into_owned(),
            text: value.get().to_owned(),
        }
    }
}

/// In milliseconds.
#[derive(Serialize, Deserialize)]
pub(super) struct LifetimeText {
    i: u64,
    a: Option<u64>,
    /// Whether the browser keeps the cookie when it closes.
    p: bool,
}

impl LifetimeText {
    pub(super) fn of(lifetime: Persistence) -> Self {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self {
            i: millis(lifetime.idle),
            a: lifetime.absolute.map(millis),
            p: lifetime.is_remembered,
        }
    }

    pub(super) fn into_lifetime(self) -> Persistence {
        Persistence {
            idle: Duration::from_millis(self.i),
            absolute: self.a.map(Duration::from_millis),
            is_remembered: self.p,
        }
    }
}
