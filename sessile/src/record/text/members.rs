//! The members of a record's text that are JSON objects themselves.

use std::{borrow::Cow, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    clock::Timestamp,
    config::Persistence,
    record::{
        DecodeError, Flash, Previous, PreviousKind,
        id::{SecretDigest, decode_16, encode_16},
        json,
        secrets::Pending,
    },
};

#[derive(Serialize, Deserialize)]
pub(super) struct PreviousText {
    d: String,
    t: u64,
    by: By,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum By {
    Renewal,
    Rotation,
}

impl PreviousText {
    pub(super) fn of(previous: &Previous) -> Self {
        Self {
            d: previous.digest.encode(&mut [0; 22]).to_owned(),
            t: previous.replaced_at.as_unix_millis(),
            by: match previous.by {
                PreviousKind::Renewal => By::Renewal,
                PreviousKind::Rotation => By::Rotation,
            },
        }
    }

    pub(super) fn into_previous(self) -> Result<Previous, DecodeError> {
        Ok(Previous {
            digest: SecretDigest::decode(&self.d).ok_or(DecodeError::Secrets)?,
            replaced_at: Timestamp::from_unix_millis(self.t),
            by: match self.by {
                By::Renewal => PreviousKind::Renewal,
                By::Rotation => PreviousKind::Rotation,
            },
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct PendingText {
    d: String,
    n: String,
}

impl PendingText {
    pub(super) fn of(pending: &Pending) -> Self {
        Self {
            d: pending.digest.encode(&mut [0; 22]).to_owned(),
            n: encode_16(&pending.nonce, &mut [0; 22]).to_owned(),
        }
    }

    pub(super) fn into_pending(self) -> Result<Pending, DecodeError> {
        Ok(Pending {
            digest: SecretDigest::decode(&self.d).ok_or(DecodeError::Secrets)?,
            nonce: decode_16(&self.n).ok_or(DecodeError::Secrets)?,
        })
    }
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
