//! Sessions whose records this version of the crate can't decode.

use std::sync::Arc;

use super::{super::contract::content::UNREADABLE, Scene, limit, rules};
use crate::storage::{SessionId, SubjectStore};

/// A store that keeps records without encoding them can read them. A store that checks what it stores may refuse them.
pub(super) async fn an_unreadable_session_fails_no_list<S: SubjectStore>(store: Arc<S>) {
    for (text, _) in UNREADABLE {
        let mut scene = Scene::new(&store, rules::UNREADABLE);
        let label = format!("label of a test, {}", SessionId::generate());
        let [early, late] = [1, 3].map(|at| scene.user(at).labelled(Some(&label)));
        let (Some(early), Some(late)) = (
            scene.create_unreadable(&early, text).await,
            scene.create_unreadable(&late, text).await,
        ) else {
            return;
        };
        let is_readable = scene.case.try_load().await.is_ok();

        let [user] = scene.users([2]).await;
        match is_readable {
            true => scene.lists(&[&early, &user, &late]).await,
            false => scene.lists(&[&user]).await,
        }
        scene.labels(&label, &[&early, &late]).await;
        let new = scene.user(4);
        scene.signs_in(None, &new, limit(3), &[&early]).await;
        match is_readable {
            true => scene.lists(&[&user, &late, &new]).await,
            false => scene.lists(&[&user, &new]).await,
        }
        scene.labels(&label, &[&late]).await;
        scene.ends(1000, None, &[&user, &late, &new]).await;
        scene.labels(&label, &[]).await;
    }
}
