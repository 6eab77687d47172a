//! [`ServerError`]: an error reply of Redis.

use std::fmt;

use super::StoreErrorKind;

/// An error reply of Redis. Quotes nothing of the request.
#[derive(Debug, Clone)]
pub(super) struct ServerError {
    pub(super) code: String,
    pub(super) detail: String,
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.detail)
    }
}

impl ServerError {
    pub(super) fn new(code: &str, detail: &str) -> Self {
        // Before Redis 7, an error inside a script is wrapped in another error.
        let inner = detail
            .split_once("@user_script:")
            .and_then(|(_, rest)| rest.split_once(' '))
            .map(|(_, rest)| rest.trim_start_matches('-'))
            .and_then(|rest| rest.split_once(' '))
            .filter(|(word, _)| code == "ERR" && is_code(word));
        let (code, detail) = inner.unwrap_or((code, detail));
        // Some errors quote the request.
        let detail = detail
            .split_once(", with args beginning with")
            .map_or(detail, |(before, _)| before);
        Self {
            code: code.to_owned(),
            detail: detail.trim().to_owned(),
        }
    }

    /// Whether the server certainly did not execute the command that it answered with this error.
    pub(super) fn is_refusal(&self) -> bool {
        const REFUSALS: [&str; 18] = [
            "ASK",
            "BUSY",
            "CLUSTERDOWN",
            "CROSSSLOT",
            "DENIED",
            "LOADING",
            "MASTERDOWN",
            "MISCONF",
            "MOVED",
            "NOAUTH",
            "NOPERM",
            "NOREPLICAS",
            "NOSCRIPT",
            "OOM",
            "READONLY",
            "TRYAGAIN",
            "WRONGPASS",
            "WRONGTYPE",
        ];
        REFUSALS.contains(&self.code.as_str()) || self.is_unknown_command()
    }

    pub(super) fn is_unknown_command(&self) -> bool {
        self.code == "ERR" && self.detail.contains("unknown command")
    }

    pub(super) fn kind(&self) -> StoreErrorKind {
        let detail = |text: &str| self.detail.contains(text);
        match self.code.as_str() {
            "WRONGTYPE" => StoreErrorKind::Corrupt,
            "NOAUTH" | "WRONGPASS" | "NOPERM" | "DENIED" => StoreErrorKind::Denied,
            "ERR" if detail("invalid password") || detail("without any password") => {
                StoreErrorKind::Denied
            }
            "ERR" if detail("DB index") || detail("cluster support disabled") => {
                StoreErrorKind::Misconfigured
            }
            "ERR" if detail("SELECT is not allowed in cluster") => StoreErrorKind::Misconfigured,
            "ERR" if detail("unknown command") => StoreErrorKind::Incompatible,
            _ => StoreErrorKind::Unavailable,
        }
    }
}

fn is_code(word: &str) -> bool {
    word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(line: &str) -> ServerError {
        let (code, detail) = line.split_once(' ').unwrap();
        ServerError::new(code, detail)
    }

    #[test]
    fn errors_have_their_kinds() {
        use StoreErrorKind::{Corrupt, Denied, Incompatible, Misconfigured, Unavailable};
        for (line, kind) in [
            (
                "WRONGTYPE Operation against a key holding the wrong kind of value",
                Corrupt,
            ),
            (
                "ERR Error running script (call to f_0): @user_script:3: WRONGTYPE Operation",
                Corrupt,
            ),
            (
                "ERR Error running script (call to f_0): @user_script:3: -READONLY You can't",
                Unavailable,
            ),
            ("NOAUTH Authentication required.", Denied),
            (
                "WRONGPASS invalid username-password pair or user is disabled.",
                Denied,
            ),
            (
                "NOPERM User default has no permissions to run the 'get' command",
                Denied,
            ),
            ("DENIED Redis is running in protected mode", Denied),
            ("ERR invalid password", Denied),
            ("ERR DB index is out of range", Misconfigured),
            (
                "ERR This instance has cluster support disabled",
                Misconfigured,
            ),
            (
                "ERR unknown command 'EVALSHA', with args beginning with: 'secret'",
                Incompatible,
            ),
            (
                "LOADING Redis is loading the dataset in memory",
                Unavailable,
            ),
            ("BUSY Redis is busy running a script.", Unavailable),
            (
                "OOM command not allowed when used memory > 'maxmemory'.",
                Unavailable,
            ),
            (
                "MISCONF Redis is configured to save RDB snapshots",
                Unavailable,
            ),
            ("CLUSTERDOWN Hash slot not served", Unavailable),
        ] {
            assert_eq!(error(line).kind(), kind, "{line}");
        }
    }

    #[test]
    fn quotes_of_the_request_are_removed() {
        let error = error("ERR unknown command 'EVALSHA', with args beginning with: 'secret'");
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}
