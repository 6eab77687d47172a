//! [`Credentials`]: a user and a password, and where they come from.

use std::{
    error::Error,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::Poll,
};

use super::BoxFuture;

/// The user and the password that a connection signs in with. `Debug` shows neither.
///
/// ```
/// use sessile::storage::Credentials;
///
/// let credentials = Credentials::new("app", "hunter2");
/// assert!(!format!("{credentials:?}").contains("hunter2"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
}

/// An error of the application's own.
type BoxError = Box<dyn Error + Send + Sync>;

/// The application's callback panicked.
#[derive(Debug, thiserror::Error)]
#[error("the callback for credentials panicked")]
struct CallbackPanickedError;

/// The source of the credentials for each new connection.
#[derive(Clone)]
pub(super) enum CredentialsSource {
    #[cfg(feature = "redis-rs-session")]
    Fixed(Credentials),
    Callback(Arc<dyn Fn() -> BoxFuture<'static, Result<Credentials, BoxError>> + Send + Sync>),
}

impl Credentials {
    /// A user and its password.
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            username: Some(username.into()),
            password: Some(password.into()),
        }
    }

    /// The password of the default user.
    ///
    /// ```
    /// use sessile::storage::Credentials;
    ///
    /// assert_ne!(Credentials::password("hunter2"), Credentials::new("default", "hunter2"));
    /// ```
    pub fn password(password: impl Into<String>) -> Self {
        Self {
            username: None,
            password: Some(password.into()),
        }
    }
}

impl CredentialsSource {
    pub(super) fn callback<F, O>(callback: F) -> Self
    where
        F: Fn() -> O + Send + Sync + 'static,
        O: Future<Output = Result<Credentials, BoxError>> + Send + 'static,
    {
        Self::Callback(Arc::new(move || Box::pin(callback())))
    }

    /// The credentials for the next connection.
    pub(super) async fn get(&self) -> Result<Credentials, BoxError> {
        match self {
            #[cfg(feature = "redis-rs-session")]
            Self::Fixed(credentials) => Ok(credentials.clone()),
            Self::Callback(callback) => {
                let mut calling = pin!(async { callback().await });
                // A panic would end the task that connects. Without an answer there is no backoff.
                poll_fn(|context| {
                    let polled = catch_unwind(AssertUnwindSafe(|| calling.as_mut().poll(context)));
                    polled.unwrap_or_else(|_| Poll::Ready(Err(CallbackPanickedError.into())))
                })
                .await
            }
        }
    }
}

crate::debug::opaque!(Credentials);

#[cfg(test)]
mod tests {
    use super::*;

    async fn fails(callback: impl Fn() -> Answer + Send + Sync + 'static) {
        let error = CredentialsSource::callback(callback).get().await.err();
        let text = error.map(|it| it.to_string());
        assert_eq!(
            text.as_deref(),
            Some("the callback for credentials panicked")
        );
    }

    type Answer = BoxFuture<'static, Result<Credentials, BoxError>>;

    #[tokio::test]
    async fn a_panic_of_the_callback_or_its_future_is_an_error() {
        fails(|| panic!("the vault is sealed")).await;
        fails(|| Box::pin(async { panic!("the vault is sealed") })).await;
    }
}
