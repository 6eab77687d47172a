//! [`DetailChanges`]: the changes of what only some records have.

use crate::{
    clock::Timestamp,
    config::Persistence,
    record::{Flash, Payload},
};

/// The changes of what only some records have: whose session it is, its labels and its lifetime.
///
/// Later changes replace earlier ones, except that the latest authentication counts.
#[derive(Clone, Default)]
pub(crate) struct DetailChanges {
    pub(crate) sign_in: Option<SignIn>,
    pub(crate) authenticated_at: Option<Timestamp>,
    /// The new one, or its removal.
    pub(crate) lookup_label: Option<Option<String>>,
    /// The labels that lists show, or their removals, by name.
    pub(crate) labels: Vec<(String, Option<String>)>,
    /// The session's own lifetime, or its removal.
    pub(crate) lifetime: Option<Option<Persistence>>,
    /// New values for the next request.
    pub(crate) flashes: Vec<Flash>,
    /// The ids of the values for the next request that were taken.
    pub(crate) taken_flashes: Vec<u64>,
}

/// A sign-in. It is stored with a renewal.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SignIn {
    pub(crate) subject: String,
    /// When the request began. If the subject's sessions were ended since, the sign-in is refused.
    pub(crate) at: Timestamp,
}

impl DetailChanges {
    /// Puts `later` behind these.
    pub(super) fn append(&mut self, later: Self) {
        self.sign_in = later.sign_in.or(self.sign_in.take());
        self.authenticated_at = later.authenticated_at.or(self.authenticated_at);
        self.lookup_label = later.lookup_label.or(self.lookup_label.take());
        for (name, text) in later.labels {
            self.labels.retain(|(earlier, _)| *earlier != name);
            self.labels.push((name, text));
        }
        self.lifetime = later.lifetime.or(self.lifetime);
        self.flashes.extend(later.flashes);
        for taken in later.taken_flashes {
            match self.flashes.iter().position(|flash| flash.id == taken) {
                Some(index) => drop(self.flashes.remove(index)),
                None => self.taken_flashes.push(taken),
            }
        }
    }

    pub(crate) fn apply(&self, payload: &mut Payload) {
        let details = payload.details_mut();
        if let Some(sign_in) = &self.sign_in {
            details.subject = Some(sign_in.subject.clone());
            details.signed_in_at = Some(sign_in.at);
        }
        // The stored one may be in the future, so the latest would not do.
        details.authenticated_at = self.authenticated_at.or(details.authenticated_at);
        if let Some(label) = &self.lookup_label {
            details.lookup_label.clone_from(label);
        }
        for (name, text) in &self.labels {
            details.set_label(name, text.as_deref());
        }
        if let Some(lifetime) = self.lifetime {
            details.lifetime = lifetime;
        }
        details.flashes.extend_from_slice(&self.flashes);
        let taken = &self.taken_flashes;
        details.flashes.retain(|flash| !taken.contains(&flash.id));
        payload.drop_empty_details();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_unix_millis(millis)
    }

    fn labels(pairs: &[(&str, Option<&str>)]) -> DetailChanges {
        let owned =
            |(name, text): &(&str, Option<&str>)| ((*name).to_owned(), text.map(ToOwned::to_owned));
        DetailChanges {
            labels: pairs.iter().map(owned).collect(),
            ..DetailChanges::default()
        }
    }

    #[test]
    fn later_changes_replace_earlier_ones() {
        let signs_in = |subject: &str, millis| DetailChanges {
            sign_in: Some(SignIn {
                subject: subject.to_owned(),
                at: at(millis),
            }),
            lookup_label: Some(Some(subject.to_owned())),
            lifetime: Some(Some(Persistence::remembered(Duration::from_secs(millis)))),
            ..DetailChanges::default()
        };
        let mut changes = signs_in("first", 1);
        changes.append(signs_in("second", 2));
        changes.append(DetailChanges {
            lifetime: Some(None),
            ..DetailChanges::default()
        });
        let mut payload = Payload::default();
        changes.apply(&mut payload);
        let details = payload.details().unwrap();
        assert_eq!(details.subject.as_deref(), Some("second"));
        assert_eq!(details.signed_in_at, Some(at(2)));
        assert_eq!(details.lookup_label.as_deref(), Some("second"));
        assert_eq!(details.lifetime, None);
    }

    #[test]
    fn a_later_authentication_replaces_one_in_the_future() {
        let authenticated = |millis| DetailChanges {
            authenticated_at: Some(at(millis)),
            ..DetailChanges::default()
        };
        let mut payload = Payload::default();
        authenticated(3).apply(&mut payload);
        let mut changes = authenticated(2);
        changes.append(authenticated(1));
        changes.append(labels(&[("device", Some("phone"))]));
        changes.apply(&mut payload);
        labels(&[("device", None)]).apply(&mut payload);
        assert_eq!(payload.details().unwrap().authenticated_at, Some(at(1)));
    }

    #[test]
    fn labels_are_set_and_removed_by_name() {
        let mut changes = labels(&[("device", Some("phone")), ("city", Some("Ulm"))]);
        changes.append(labels(&[("device", Some("tablet")), ("city", None)]));
        let mut payload = Payload::default();
        labels(&[("city", Some("Bonn")), ("browser", Some("Firefox"))]).apply(&mut payload);
        changes.apply(&mut payload);
        let expected = [("browser", "Firefox"), ("device", "tablet")];
        let expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(payload.details().unwrap().labels, expected);
    }
}
