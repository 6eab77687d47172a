//! Tokens against cross-site request forgery.

use std::{sync::LazyLock, time::Duration};

use super::Session;
use crate::{
    cookie::{SealingKey, SharedKeys},
    error::{CsrfError, WriteError},
};

impl Session {
    /// A token for the forms and scripts of a page, which a request from another site does not have.
    ///
    #[doc = include_str!("docs/csrf_token.md")]
    pub fn csrf_token(&self) -> Result<String, WriteError> {
        let context = self.changing().csrf_context()?;
        Ok(self.keys().csrf_token(&context))
    }

    /// The hidden field of a form with a [`csrf_token`](Self::csrf_token), as HTML.
    ///
    #[doc = include_str!("docs/csrf_field.md")]
    pub fn csrf_field(&self) -> Result<String, WriteError> {
        // A token has nothing in it that HTML escapes.
        let token = self.csrf_token()?;
        Ok(format!(
            r#"<input type="hidden" name="csrf_token" value="{token}">"#
        ))
    }

    /// Checks that a page of this session has the `token`: for requests that `extract::CsrfGuard` does not check.
    ///
    #[doc = include_str!("docs/verify_csrf.md")]
    pub fn verify_csrf(&self, token: &str) -> Result<(), CsrfError> {
        let now = self.now();
        let grace = (self.backend()).map_or(Duration::ZERO, |it| it.settings().grace());
        let accepted = {
            let machine = self.reading();
            if !machine.is_loaded() {
                return Err(CsrfError::NotLoaded);
            }
            if machine.is_detached() {
                return Err(CsrfError::NoStore);
            }
            machine.accepted_csrf_contexts(now, grace)
        };
        match self.keys().accepts_csrf_token(token, &accepted) {
            true => Ok(()),
            false => Err(CsrfError::InvalidToken),
        }
    }

    fn keys(&self) -> &SharedKeys {
        /// For sessions without a store.
        static KEYS: LazyLock<SharedKeys> = LazyLock::new(|| SealingKey::generate().into());
        (self.backend()).map_or(&*KEYS, |it| it.cookie().keys())
    }
}
