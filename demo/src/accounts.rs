//! The two accounts of the demo.

use argon2::{Argon2, PasswordHash, PasswordVerifier as _};

/// An account that a visitor can sign in to.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) name: &'static str,
    /// The sign-in page shows it, because these accounts protect nothing.
    pub(crate) password: &'static str,
    /// The Argon2id hash of the password, as a PHC string. A real site stores only this.
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

/// The hash that the password of an unknown name is checked against. The check takes as long as for a known name, so the
/// time does not reveal which names exist. The hash was made from random bytes, which were discarded.
const UNKNOWN: &str = "$argon2id$v=19$m=19456,t=2,p=1$BL7E/UaObPc+7jKgC3ryXA$uLpCrGKJWx8lxaWYOEoZ9/jUhYT2Ju3NmWcyejuZmcs";

/// Returns the account with this name and password.
///
/// It computes for tens of milliseconds, by design. Call it on a thread on which it blocks no request.
pub(crate) fn verify(name: &str, password: &str) -> Option<&'static Account> {
    let account = ACCOUNTS.iter().find(|account| account.name == name);
    let hash = account.map_or(UNKNOWN, |account| account.hash);
    // The password is checked for unknown names as well, so both cases take the same time.
    let is_right = matches(hash, password);
    account.filter(|_| is_right)
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
    fn each_password_is_valid_for_its_account_only() {
        for account in &ACCOUNTS {
            for other in &ACCOUNTS {
                let found = verify(account.name, other.password).map(|found| found.name);
                let expected = (account.name == other.name).then_some(account.name);
                assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn an_unknown_name_and_an_empty_password_are_refused() {
        assert!(verify("unknown", "crab").is_none());
        assert!(verify("", "").is_none());
        assert!(verify("ferris", "").is_none());
    }

    #[test]
    fn an_unknown_name_costs_as_much_as_an_account() {
        let parameters = |hash| PasswordHash::new(hash).unwrap().params.to_string();
        for account in &ACCOUNTS {
            assert_eq!(parameters(account.hash), parameters(UNKNOWN));
        }
    }
}
