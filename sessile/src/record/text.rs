//! The text form of a [`Record`]: a JSON object whose common members come first, in one order.

mod members;

use std::sync::Arc;

use serde::Serialize;

use self::members::{FlashText, LifetimeText, PreviousText, RotationText, digest};
use super::{Details, Epoch, Record, Secrets, reader::Reader};
use crate::{
    clock::Timestamp,
    record::{
        json::{self, JsonError, push_json_string},
        state::Pairs,
    },
};

/// The version of the text form.
pub(super) const FORM: u64 = 3;

/// The members that [`Reader`] reads.
const COMMON: [&str; 7] = ["v", "c", "u", "x", "p", "k", "s"];

/// The other members that this version of the crate knows.
const RARE: [&str; 10] = [
    "o", "r", "sub", "in", "auth", "label", "labels", "life", "device", "flash",
];

impl Record {
    /// About how many bytes [`encode`](Self::encode) makes: more only where names have to be escaped, or
    /// for a record with details.
    pub(crate) fn encoded_len(&self) -> usize {
        // Three times of 13 digits until the year 2286, and an epoch of up to 20.
        const FRAME: usize = r#"{"v":3,"c":,"u":,"x":,"p":,"s":}"#.len() + 3 * 13 + 20;
        const SECRET: usize = r#","k":"""#.len() + 22;
        let secret = if self.secrets.is_some() { SECRET } else { 0 };
        FRAME + secret + self.state.json_len()
    }

    /// Appends what [`encode`](Self::encode) returns.
    pub(crate) fn encode_to(&self, out: &mut String) {
        self.encode_until_state(out);
        self.encode_from_state(out);
    }

    /// Appends the text form up to the state.
    pub(super) fn encode_until_state(&self, out: &mut String) {
        let mut number = |name: &str, value: u64| {
            out.extend([name, itoa::Buffer::new().format(value)]);
        };
        number(r#"{"v":"#, FORM);
        number(r#","c":"#, self.created_at.as_unix_millis());
        number(r#","u":"#, self.used_at.as_unix_millis());
        number(r#","x":"#, self.ends_at.as_unix_millis());
        number(r#","p":"#, self.epoch.0);
        if let Some(secrets) = &self.secrets {
            let digest = &mut [0; 22];
            out.extend([r#","k":""#, secrets.current.encode(digest), "\""]);
        }
        out.push_str(r#","s":"#);
    }

    /// Appends the text form from the state on.
    pub(super) fn encode_from_state(&self, out: &mut String) {
        self.state.write_json(out);
        if self.details.is_some() || !self.secrets.as_ref().is_none_or(Secrets::is_plain) {
            self.encode_rare_members(out);
        }
        out.push('}');
    }

    fn encode_rare_members(&self, out: &mut String) {
        let mut members = Members(out);
        if let Some(secrets) = &self.secrets {
            members.value("o", secrets.previous.as_deref().map(PreviousText::of));
            members.value("r", secrets.rotation.as_deref().map(RotationText::of));
        }
        if let Some(details) = &self.details {
            let millis = |time: Option<Timestamp>| time.map(Timestamp::as_unix_millis);
            members.value("sub", details.subject.as_deref());
            members.value("in", millis(details.signed_in_at));
            members.value("auth", millis(details.authenticated_at));
            members.value("label", details.lookup_label.as_deref());
            members.pairs("labels", &details.labels);
            members.value("life", details.lifetime.map(LifetimeText::of));
            members.value("device", details.device_key.as_deref());
            let flashes: Vec<_> = details.flashes.iter().filter_map(FlashText::of).collect();
            members.value("flash", Some(flashes).filter(|it| !it.is_empty()));
            let critical = Some(&details.critical).filter(|names| !names.is_empty());
            members.value("crit", critical);
            for (name, text) in &details.unknown {
                members.text(name, text);
            }
        }
    }

    /// The record in `buffer`, where its names and values stay.
    pub(crate) fn decode_text(buffer: &Arc<str>) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(buffer);
        let record = reader.record();
        record
            .and_then(|record| record.with_members(reader.rest()))
            .unwrap_or_else(|| Self::decode_any(buffer))
    }

    /// This record with the members in `text`, which follows the state; `None` for a text that has to be read as a
    /// whole.
    pub(super) fn with_members(mut self, text: &str) -> Option<Result<Self, DecodeError>> {
        if text == "}" {
            return Some(Ok(self));
        }
        let members = text.strip_prefix(',').filter(|it| it.starts_with('"'))?;
        let object = format!("{{{members}");
        let members: Pairs<'_> = match json::parse(&object) {
            Ok(members) => members,
            Err(error) => return Some(Err(error.into())),
        };
        if members.iter().any(|(name, _)| COMMON.contains(&name)) {
            return None;
        }
        Some(self.take_rare_members(members.iter()).map(|()| self))
    }

    /// The record in a text that may be JSON of any form.
    pub(super) fn decode_any(buffer: &Arc<str>) -> Result<Self, DecodeError> {
        let members: Pairs<'_> = json::parse(buffer)?;
        let member = |wanted: &str| {
            let found = members.iter().filter(|(name, _)| *name == wanted).last();
            found.map(|(_, text)| text)
        };
        let number =
            |name| -> Result<u64, DecodeError> { Ok(json::parse(member(name).ok_or(MISSING)?)?) };
        let form = number("v")?;
        if form != FORM {
            return Err(DecodeError::UnknownForm { form });
        }
        let time = |name| number(name).map(Timestamp::from_unix_millis);
        let state: Pairs<'_> = json::parse(member("s").ok_or(MISSING)?)?;
        let current = member("k").map(|text| digest(json::parse(text)?));
        let current = current.transpose()?;
        let mut record = Self {
            state: state.into_state(buffer),
            created_at: time("c")?,
            used_at: time("u")?,
            ends_at: time("x")?,
            undated: false,
            epoch: Epoch(number("p")?),
            secrets: current.map(Secrets::new),
            details: None,
        };
        let rare = members.iter().filter(|(name, _)| !COMMON.contains(name));
        record.take_rare_members(rare)?;
        Ok(record)
    }

    fn take_rare_members<'a>(
        &mut self,
        members: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), DecodeError> {
        let time = |text| json::parse(text).map(|millis| Some(Timestamp::from_unix_millis(millis)));
        let mut details = Details::default();
        let (mut previous, mut rotation) = (None, None);
        for (name, text) in members {
            match name {
                "o" => previous = Some(json::parse::<PreviousText>(text)?.into_previous()?),
                "r" => rotation = Some(json::parse::<RotationText>(text)?.into_rotation()?),
                "sub" => details.subject = Some(json::parse(text)?),
                "in" => details.signed_in_at = time(text)?,
                "auth" => details.authenticated_at = time(text)?,
                "label" => details.lookup_label = Some(json::parse(text)?),
                "labels" => details.labels = labels(text)?,
                "life" => {
                    details.lifetime = Some(json::parse::<LifetimeText>(text)?.into_lifetime())
                }
                "device" => details.device_key = Some(json::parse(text)?),
                "flash" => {
                    let flashes: Vec<FlashText<'_>> = json::parse(text)?;
                    details.flashes = flashes.into_iter().map(FlashText::into_flash).collect();
                }
                "crit" => details.critical = json::parse(text)?,
                _ => details.unknown.push((name.to_owned(), text.to_owned())),
            }
        }
        let is_known =
            |name: &String| COMMON.contains(&name.as_str()) || RARE.contains(&name.as_str());
        if !details.critical.iter().all(is_known) {
            return Err(DecodeError::UnknownCritical);
        }
        match &mut self.secrets {
            Some(secrets) => {
                secrets.previous = previous.map(Arc::new);
                secrets.rotation = rotation.map(Arc::new);
                secrets.check()?;
            }
            None if previous.is_some() || rotation.is_some() => return Err(DecodeError::Secrets),
            None => {}
        }
        if details != Details::default() {
            self.details = Some(Arc::new(details));
        }
        Ok(())
    }
}

/// A record without a member that each record has.
const MISSING: DecodeError = DecodeError::NotARecord(JsonError::Shape { line: 1, column: 1 });

fn labels(text: &str) -> Result<Vec<(String, String)>, JsonError> {
    let pairs: Pairs<'_> = json::parse(text)?;
    let labels = pairs
        .iter()
        .map(|(name, text)| Ok((name.to_owned(), json::parse(text)?)));
    let mut labels = labels.collect::<Result<Vec<_>, _>>()?;
    labels.sort();
    labels.dedup_by(|(next, _), (kept, _)| next == kept);
    Ok(labels)
}

/// Appends members to a JSON object that has some.
struct Members<'a>(&'a mut String);

impl Members<'_> {
    fn text(&mut self, name: &str, text: &str) {
        self.0.push(',');
        push_json_string(self.0, name);
        self.0.extend([":", text]);
    }

    fn value<T: Serialize>(&mut self, name: &str, value: Option<T>) {
        if let Some(value) = value {
            // Texts and numbers: they always have a JSON form.
            let text = json::to_text(&value).unwrap_or_default();
            self.text(name, &text);
        }
    }

    fn pairs(&mut self, name: &str, pairs: &[(String, String)]) {
        let pairs = pairs
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()));
        let pairs: std::collections::BTreeMap<_, _> = pairs.collect();
        self.value(name, Some(pairs).filter(|pairs| !pairs.is_empty()));
    }
}

/// Why bytes are not a [`Record`]. Contains none of the bytes.
///
/// A [`StoreError`](crate::storage::StoreError) is made from it with the right kind.
///
/// ```
/// use sessile::record::{DecodeError, Record};
///
/// let error = Record::decode(b"\xff").unwrap_err();
/// assert_eq!(error, DecodeError::NotUtf8);
/// assert!(!error.is_newer());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes are not text.
    #[error("the record is not UTF-8")]
    NotUtf8,
    /// The text is not a record.
    #[error("the text is not a record")]
    NotARecord(#[from] JsonError),
    /// The record's secrets contradict each other: two of them are the same, or there are others but
    /// no current one.
    #[error("the record's secrets contradict each other")]
    Secrets,
    /// The record has a form that this version of the crate does not know.
    #[error(
        "the record has form {form}, this version of sessile reads form {}",
        FORM
    )]
    UnknownForm {
        /// The form that the record says it has.
        form: u64,
    },
    /// The record has a member that restricts access, and that this version of the crate does not know.
    #[error("the record has a critical member that this version of sessile does not know")]
    UnknownCritical,
}

impl DecodeError {
    /// Whether a later version of this crate wrote the record.
    #[must_use]
    pub const fn is_newer(&self) -> bool {
        matches!(self, Self::UnknownForm { .. } | Self::UnknownCritical)
    }
}

#[cfg(test)]
mod tests;
