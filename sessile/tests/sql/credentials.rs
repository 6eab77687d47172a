//! Passwords that change while the application runs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use sessile::storage::{
    Credentials, SessionStore as _,
    StoreErrorKind::{Denied, Unavailable},
};

use crate::{
    engine::{self, Builder, Server},
    sql::setup::{built, create, failed, in_time, patient, refused, updated, value, whole},
};

/// What the callback gives: a password, or the error that there is none.
/// It waits while the password changes.
type Vault = Arc<tokio::sync::Mutex<Option<&'static str>>>;

fn vault(password: &'static str) -> Vault {
    Arc::new(tokio::sync::Mutex::new(Some(password)))
}

fn with_vault(builder: Builder, vault: &Vault) -> Builder {
    let vault = Arc::clone(vault);
    builder.credentials(move || {
        let vault = Arc::clone(&vault);
        async move {
            let password = vault.lock().await.ok_or("the vault is sealed")?;
            Ok(Credentials::new("sessile", password))
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_connections_use_the_new_password_and_no_request_fails() {
    let server = Server::start().unwrap();
    let vault = vault("secret");
    // The address has no password.
    let address = server.url().replace("sessile:secret@", "");
    let store = built(with_vault(patient(&address).create_table(true), &vault)).await;
    let is_done = Arc::new(AtomicBool::new(false));
    let sessions = [
        create(&store, 1).await,
        create(&store, 2).await,
        create(&store, 3).await,
    ];
    let clients = sessions.map(|mut at| {
        let (store, is_done) = (store.clone(), Arc::clone(&is_done));
        tokio::spawn(async move {
            for request in 0.. {
                let is_last = is_done.load(SeqCst);
                at = updated(&store, &at, request).await;
                assert_eq!(value(&store, &at).await.unwrap(), Some(request));
                if is_last {
                    break;
                }
            }
            store.delete(&at.id).await.unwrap();
        })
    });
    let mut password = vault.lock().await;
    server.execute(&engine::set_password("changed")).unwrap();
    *password = Some("changed");
    drop(password);
    // The old password opens no connection now.
    let (kind, _) = refused(patient(server.url())).await;
    assert_eq!(kind, Denied);
    engine::cut_all(&server);
    is_done.store(true, SeqCst);
    for client in clients {
        in_time(client).await.unwrap();
    }
}

#[tokio::test]
async fn without_credentials_operations_fail_with_the_cause_and_later_ones_succeed() {
    let server = Server::start().unwrap();
    let vault = vault("secret");
    let store = built(with_vault(patient(server.url()).create_table(true), &vault)).await;
    let at = create(&store, 1).await;
    *vault.lock().await = None;
    engine::cut_all(&server);
    let error = loop {
        // A connection that is being closed may still answer.
        if let Err(error) = value(&store, &at).await {
            break error;
        }
    };
    assert_eq!(error.kind(), Unavailable);
    assert!(
        whole(&error).contains("the vault is sealed"),
        "{}",
        whole(&error)
    );

    *vault.lock().await = Some("secret");
    crate::sql::setup::until_it_works(&store, &at).await;

    *vault.lock().await = Some("hunter2");
    let error = failed(in_time(with_vault(patient(server.url()), &vault).build()).await);
    assert_eq!(error.kind(), Denied);
    assert!(!whole(&error).contains("hunter2"));
}

#[tokio::test]
async fn a_callback_that_panics_is_a_failure_to_connect() {
    let server = Server::start().unwrap();
    let panics = patient(server.url()).credentials(async || panic!("the vault is sealed"));
    let (kind, text) = refused(panics).await;
    assert_eq!(kind, Unavailable);
    assert!(text.contains("callback for credentials panicked"), "{text}");
}

#[tokio::test]
async fn a_callback_that_does_not_answer_is_bounded_by_the_time_to_connect() {
    let server = Server::start().unwrap();
    let builder = patient(server.url()).connect_timeout(Duration::from_millis(1));
    let never = builder.credentials(std::future::pending);
    let (kind, text) = refused(never).await;
    assert_eq!(kind, Unavailable);
    assert!(text.contains("1ms"), "{text}");
}
