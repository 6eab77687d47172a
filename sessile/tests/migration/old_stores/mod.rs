//! Stores as applications wrote them for actix-session. The macro compiles the same code for either library.

pub(crate) mod table;

/// The stores, in a module for the library whose items are at `$path`.
macro_rules! old_stores {
    ($name:ident, $($path:ident)::+) => {
        pub(crate) mod $name {
            use std::{
                collections::HashMap,
                fs, io,
                path::{Path, PathBuf},
                sync::Arc,
                time::{SystemTime, UNIX_EPOCH},
            };

            use $($path)::+::{
                LoadError, SaveError, SessionKey, SessionStore, UpdateError, generate_session_key,
            };
            use actix_web::cookie::time::Duration;
            use anyhow::{Context as _, anyhow};

            use crate::old_stores::table::{OnMissing, Table};

            type SessionState = HashMap<String, String>;

            /// In memory.
            #[derive(Clone)]
            pub(crate) struct TableStore(pub(crate) Arc<Table>);

            impl SessionStore for TableStore {
                async fn load(
                    &self,
                    session_key: &SessionKey,
                ) -> Result<Option<SessionState>, LoadError> {
                    self.0.begin("load").await.map_err(LoadError::Other)?;
                    let row = self.0.get(session_key.as_ref());
                    tokio::task::yield_now().await;
                    match row {
                        Some(row) => row.map(Some).map_err(LoadError::Deserialization),
                        None => Ok(None),
                    }
                }

                async fn save(
                    &self,
                    session_state: SessionState,
                    ttl: &Duration,
                ) -> Result<SessionKey, SaveError> {
                    self.0.begin("save").await.map_err(SaveError::Other)?;
                    let session_key = match self.0.new_key {
                        Some(new_key) => SessionKey::try_from(new_key())
                            .map_err(Into::into)
                            .map_err(SaveError::Other)?,
                        None => generate_session_key(),
                    };
                    self.0.put(session_key.as_ref(), session_state, *ttl);
                    tokio::task::yield_now().await;
                    Ok(session_key)
                }

                async fn update(
                    &self,
                    session_key: SessionKey,
                    session_state: SessionState,
                    ttl: &Duration,
                ) -> Result<SessionKey, UpdateError> {
                    self.0.begin("update").await.map_err(UpdateError::Other)?;
                    if self.0.get(session_key.as_ref()).is_none() {
                        match self.0.on_missing {
                            OnMissing::SaveAnother => {
                                let saved = self.save(session_state, ttl).await;
                                return saved.map_err(|error| match error {
                                    SaveError::Serialization(error) => {
                                        UpdateError::Serialization(error)
                                    }
                                    SaveError::Other(error) => UpdateError::Other(error),
                                });
                            }
                            OnMissing::Fail => {
                                return Err(UpdateError::Other(anyhow!("no such session")));
                            }
                            OnMissing::BringBack => {}
                        }
                    }
                    self.0.put(session_key.as_ref(), session_state, *ttl);
                    tokio::task::yield_now().await;
                    Ok(session_key)
                }

                async fn update_ttl(
                    &self,
                    session_key: &SessionKey,
                    ttl: &Duration,
                ) -> Result<(), anyhow::Error> {
                    self.0.begin("update_ttl").await?;
                    if let Some(state) = self.0.get(session_key.as_ref()) {
                        self.0.put(session_key.as_ref(), state?, *ttl);
                    }
                    Ok(())
                }

                async fn delete(&self, session_key: &SessionKey) -> Result<(), anyhow::Error> {
                    self.0.begin("delete").await?;
                    self.0.remove(session_key.as_ref());
                    tokio::task::yield_now().await;
                    Ok(())
                }
            }

            /// One file for each session.
            #[derive(Clone)]
            pub(crate) struct FileStore(PathBuf);

            #[derive(serde::Serialize, serde::Deserialize)]
            struct Content {
                expires_at: i64,
                state: SessionState,
            }

            impl FileStore {
                pub(crate) fn in_folder(folder: &Path) -> Self {
                    Self(folder.to_owned())
                }

                fn path(&self, session_key: &SessionKey) -> anyhow::Result<PathBuf> {
                    let name = session_key.as_ref();
                    anyhow::ensure!(
                        !name.is_empty() && name.bytes().all(|it| it.is_ascii_alphanumeric()),
                        "the session key can't be a file name"
                    );
                    Ok(self.0.join(name))
                }

                fn read(&self, session_key: &SessionKey) -> anyhow::Result<Option<Vec<u8>>> {
                    match fs::read(self.path(session_key)?) {
                        Ok(bytes) => Ok(Some(bytes)),
                        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                        Err(error) => Err(error).context("can't read the session"),
                    }
                }
            }

            fn unix_time() -> i64 {
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                now.unwrap_or_default().as_secs().try_into().unwrap_or(i64::MAX)
            }

            impl SessionStore for FileStore {
                async fn load(
                    &self,
                    session_key: &SessionKey,
                ) -> Result<Option<SessionState>, LoadError> {
                    let bytes = self.read(session_key).map_err(LoadError::Other)?;
                    let Some(bytes) = bytes else { return Ok(None) };
                    let content: Content = serde_json::from_slice(&bytes)
                        .map_err(anyhow::Error::new)
                        .map_err(LoadError::Deserialization)?;
                    Ok((content.expires_at > unix_time()).then_some(content.state))
                }

                async fn save(
                    &self,
                    session_state: SessionState,
                    ttl: &Duration,
                ) -> Result<SessionKey, SaveError> {
                    let session_key = generate_session_key();
                    let content = Content {
                        expires_at: unix_time() + ttl.whole_seconds(),
                        state: session_state,
                    };
                    let bytes = serde_json::to_vec(&content)
                        .map_err(|error| SaveError::Serialization(error.into()))?;
                    let path = self.path(&session_key).map_err(SaveError::Other)?;
                    fs::write(path, bytes).map_err(|error| SaveError::Other(error.into()))?;
                    Ok(session_key)
                }

                async fn update(
                    &self,
                    session_key: SessionKey,
                    session_state: SessionState,
                    ttl: &Duration,
                ) -> Result<SessionKey, UpdateError> {
                    let current = self.read(&session_key).map_err(UpdateError::Other)?;
                    if current.is_none() {
                        let saved = self.save(session_state, ttl).await;
                        return saved.map_err(|error| UpdateError::Other(error.into()));
                    }
                    let content = Content {
                        expires_at: unix_time() + ttl.whole_seconds(),
                        state: session_state,
                    };
                    let bytes = serde_json::to_vec(&content)
                        .map_err(|error| UpdateError::Serialization(error.into()))?;
                    let path = self.path(&session_key).map_err(UpdateError::Other)?;
                    fs::write(path, bytes).map_err(|error| UpdateError::Other(error.into()))?;
                    Ok(session_key)
                }

                async fn update_ttl(
                    &self,
                    session_key: &SessionKey,
                    ttl: &Duration,
                ) -> Result<(), anyhow::Error> {
                    if let Some(bytes) = self.read(session_key)? {
                        let mut content: Content = serde_json::from_slice(&bytes)?;
                        content.expires_at = unix_time() + ttl.whole_seconds();
                        fs::write(self.path(session_key)?, serde_json::to_vec(&content)?)?;
                    }
                    Ok(())
                }

                async fn delete(&self, session_key: &SessionKey) -> Result<(), anyhow::Error> {
                    match fs::remove_file(self.path(session_key)?) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
                        _ => Ok(()),
                    }
                }
            }
        }
    };
}

old_stores!(old, actix_session::storage);
old_stores!(ours, sessile::storage::compat);
