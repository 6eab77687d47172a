//! Sessions of actix-session in a store that the application wrote.

use std::{path::Path, sync::Arc};

use actix_test::TestServer;
use actix_web::cookie::{Key, time};
use sessile::{
    config::{PersistentSession, TtlExtensionPolicy},
    storage::compat::Adapter,
};
use tempfile::TempDir;

use crate::{
    old_stores::{
        self,
        table::{OnMissing, Table},
    },
    servers::{COOKIE, old, ours},
    visitor::Visitor,
};

const TTL: time::Duration = time::Duration::hours(2);

/// Both libraries on one store, with one key.
struct Scene {
    key: Key,
    is_private: bool,
    old: TestServer,
    ours: TestServer,
}

impl Scene {
    fn in_memory(table: Table, is_private: bool, policy: TtlExtensionPolicy) -> (Self, Arc<Table>) {
        let (key, table) = (Key::generate(), Arc::new(table));
        let old_store = old_stores::old::TableStore(table.clone());
        let store = old_stores::ours::TableStore(table.clone());
        let scene = Self {
            old: old_server(old_store, key.clone(), is_private),
            ours: our_server(store, key.clone(), is_private, policy),
            key,
            is_private,
        };
        (scene, table)
    }

    fn in_files(folder: &Path, is_private: bool) -> Self {
        let key = Key::generate();
        let old_store = old_stores::old::FileStore::in_folder(folder);
        let store = old_stores::ours::FileStore::in_folder(folder);
        let policy = TtlExtensionPolicy::OnStateChanges;
        Self {
            old: old_server(old_store, key.clone(), is_private),
            ours: our_server(store, key.clone(), is_private, policy),
            key,
            is_private,
        }
    }

    /// The key in a cookie that the old server sealed.
    fn session_key(&self, visitor: &Visitor) -> String {
        visitor.old_content(&self.key, self.is_private).unwrap()
    }
}

fn old_server(
    store: impl actix_session::storage::SessionStore + Clone + Send + 'static,
    key: Key,
    is_private: bool,
) -> TestServer {
    use actix_session::{
        SessionMiddleware,
        config::{CookieContentSecurity, PersistentSession},
    };
    old::start(move || {
        SessionMiddleware::builder(store.clone(), key.clone())
            .cookie_name(COOKIE.to_owned())
            .cookie_content_security(match is_private {
                true => CookieContentSecurity::Private,
                false => CookieContentSecurity::Signed,
            })
            .session_lifecycle(PersistentSession::default().session_ttl(time::Duration::hours(1)))
            .build()
    })
}

fn our_server(
    store: impl sessile::storage::compat::SessionStore + Clone,
    key: Key,
    is_private: bool,
    policy: TtlExtensionPolicy,
) -> TestServer {
    use sessile::{CookieContentSecurity, SessionMiddleware};
    ours::start(move || {
        let lifecycle = PersistentSession::default()
            .session_ttl(TTL)
            .session_ttl_extension_policy(policy);
        SessionMiddleware::builder(Adapter::new(store.clone()), key.clone())
            .cookie_name(COOKIE.to_owned())
            .cookie_content_security(match is_private {
                true => CookieContentSecurity::Private,
                false => CookieContentSecurity::Signed,
            })
            .session_lifecycle(lifecycle)
            .build()
    })
}

const POLICY: TtlExtensionPolicy = TtlExtensionPolicy::OnStateChanges;

async fn assert_still_signed_in(scene: &Scene) {
    for count in 0..5 {
        let user = format!("user-{count}");
        let mut visitor = Visitor::signed_in(&scene.old, &user, count).await;
        // The first response seals the cookie again.
        for is_first in [true, false] {
            let expected = (format!("{user} {count}"), is_first);
            assert_eq!(visitor.look(&scene.ours, "/").await, expected);
        }
        for count in [count + 1, count + 2] {
            visitor.get(&scene.ours, "/count").await;
            let shown = visitor.get(&scene.ours, "/").await;
            assert_eq!(shown, format!("{user} {count}"));
        }
    }
}

#[actix_web::test]
async fn every_user_is_still_signed_in() {
    let uuid = || format!("{:032x}", rand_u128());
    for is_private in [true, false] {
        for table in [Table::default(), Table::with_keys(uuid)] {
            let (scene, _) = Scene::in_memory(table, is_private, POLICY);
            assert_still_signed_in(&scene).await;
        }
        let folder = TempDir::new().unwrap();
        let scene = Scene::in_files(folder.path(), is_private);
        assert_still_signed_in(&scene).await;
    }
}

fn rand_u128() -> u128 {
    let half = || u128::from(sessile::storage::Version::generate().get());
    half() << 64 | half()
}

#[actix_web::test]
async fn reading_neither_changes_nor_extends_a_session() {
    let (scene, table) = Scene::in_memory(Table::default(), false, POLICY);
    let mut visitor = Visitor::signed_in(&scene.old, "ferris", 3).await;
    let key = scene.session_key(&visitor);
    let before = table.text(&key);
    table.operations();
    visitor.get(&scene.ours, "/").await;
    visitor.get(&scene.ours, "/").await;
    assert_eq!(table.text(&key), before);
    // The first request loads twice, because its cookie is sealed again.
    assert_eq!(table.operations(), ["load"; 3]);
}

#[actix_web::test]
async fn reading_extends_a_session_under_on_every_request() {
    let policy = TtlExtensionPolicy::OnEveryRequest;
    let (scene, table) = Scene::in_memory(Table::default(), false, policy);
    let mut visitor = Visitor::signed_in(&scene.old, "ferris", 3).await;
    let key = scene.session_key(&visitor);
    visitor.get(&scene.ours, "/").await;
    assert!(table.ttl(&key) > TTL.unsigned_abs());
    let (shown, was_set) = visitor.look(&scene.ours, "/").await;
    assert_eq!((shown.as_str(), was_set), ("ferris 3", true));
    assert!(!table.operations().contains(&"update_ttl"));
}

/// Tools that read the values of sessions still work.
#[actix_web::test]
async fn a_change_keeps_the_key_and_the_form_of_the_values() {
    let (scene, table) = Scene::in_memory(Table::default(), true, POLICY);
    let mut visitor = Visitor::signed_in(&scene.old, "ferris", 3).await;
    let key = scene.session_key(&visitor);
    visitor.get(&scene.ours, "/count").await;
    assert_eq!(table.only_key(), key);
    let state = table.get(&key).unwrap().unwrap();
    assert_eq!(state.len(), 3);
    assert_eq!((&*state["user_id"], &*state["count"]), ("\"ferris\"", "4"));
    assert!(table.ttl(&key) > TTL.unsigned_abs());
}

#[actix_web::test]
async fn a_renewal_ends_the_old_key() {
    for on_missing in [OnMissing::SaveAnother, OnMissing::BringBack] {
        let table = Table::on_missing(on_missing);
        let (scene, _) = Scene::in_memory(table, false, POLICY);
        let mut visitor = Visitor::signed_in(&scene.old, "ferris", 3).await;
        let thief = visitor.clone();
        visitor.get(&scene.ours, "/renew").await;
        assert_eq!(visitor.get(&scene.ours, "/").await, "ferris 3");
        for server in [&scene.ours, &scene.old] {
            let mut thief = thief.clone();
            assert_eq!(thief.get(server, "/").await, "guest");
            thief.get(server, "/count").await;
            assert_eq!(thief.get(server, "/").await, "guest");
        }
        assert_eq!(visitor.get(&scene.ours, "/").await, "ferris 3");
    }
}

#[actix_web::test]
async fn signing_out_ends_the_session() {
    for path in ["/", "/count"] {
        let (scene, table) = Scene::in_memory(Table::default(), false, POLICY);
        let mut visitor = Visitor::signed_in(&scene.old, "ferris", 3).await;
        let mut thief = visitor.clone();
        visitor.get(&scene.ours, path).await;
        assert!(visitor.look(&scene.ours, "/sign-out").await.1);
        assert!(table.keys().is_empty());
        for server in [&scene.ours, &scene.old] {
            assert_eq!(thief.get(server, "/").await, "guest");
        }
    }
}

#[actix_web::test]
async fn going_back_signs_out_users_that_were_taken_over_and_breaks_nothing() {
    let (scene, _) = Scene::in_memory(Table::default(), true, POLICY);
    let visitor = Visitor::signed_in(&scene.old, "ferris", 3).await;
    for path in ["/", "/count"] {
        let mut back = visitor.clone();
        back.get(&scene.ours, path).await;
        assert_eq!(back.get(&scene.old, "/").await, "guest");
        back.get(&scene.old, "/sign-in/ferris").await;
        assert_eq!(back.get(&scene.ours, "/").await, "ferris 0");
    }
}
