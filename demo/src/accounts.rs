//! The two people who can sign in.

use argon2::{Argon2, PasswordHash, PasswordVerifier as _};

/// An account that a visitor can sign in to.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) name: &'static str,
    /// Shown on the sign-in page: these accounts protect nothing.
    pub(crate) password: &'static str,
    /// Argon2id, as a PHC string: all that a real site would keep.
    hash: &'static str,
}

pub(crate) const ACCOUNTS: [Account; 2] = [
    Account {
        name: "ferris",
        password: "crab",
        hash: "$argon2id$v=19$m=19456,t=2,p=1$WLXWJlTKEqBxWAUXuZAQaA$asvMwGiPG3JE619yS2UrXKP/4wmD4WbMVc4XrYDiVxU",
    },
    Account {
        name: "corro",
        password: "urchin",
        hash: "$argon2id$v=19$m=19456,t=2,p=1$LWtakThWY5437qcT8Vfizw$NDg3hURSCwqWptEfGkQBRmOel46TBnJ1Rc/wFlNnp34",
    },
];

/// What an unknown name is checked against, so that it takes as long as a known one and the time
/// doesn't tell which names exist. It was made from random bytes that were not kept.
const UNKNOWN: &str = "$argon2id$v=19$m=19456,t=2,p=1$BL7E/UaObPc+7jKgC3ryXA$uLpCrGKJWx8lxaWYOEoZ9/jUhYT2Ju3NmWcyejuZmcs";

/// The account that `name` and `password` belong to.
///
/// This takes tens of milliseconds of computing, on purpose: call it where it blocks no request.
pub(crate) fn verify(name: &str, password: &str) -> Option<&'static Account> {
    let account = ACCOUNTS.iter().find(|account| account.name == name);
    let hash = account.map_or(UNKNOWN, |account| account.hash);
    // The password is checked for unknown names as well, so both take the same time.
    let right = matches(hash, password);
    account.filter(|_| right)
}

fn matches(hash: &str, password: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shown_password_opens_its_account_and_no_other() {
        for account in &ACCOUNTS {
            for other in &ACCOUNTS {
                let found = verify(account.name, other.password).map(|found| found.name);
                let expected = (account.name == other.name).then_some(account.name);
                assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn a_stranger_and_an_empty_password_are_refused() {
        assert!(verify("nobody", "crab").is_none());
        assert!(verify("", "").is_none());
        assert!(verify("ferris", "").is_none());
    }

    #[test]
    fn a_stranger_costs_as_much_as_an_account() {
        let parameters = |hash| PasswordHash::new(hash).unwrap().params.to_string();
        for account in &ACCOUNTS {
            assert_eq!(parameters(account.hash), parameters(UNKNOWN));
        }
    }
}
