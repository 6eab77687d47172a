//! Finding sessions by a label.

use std::sync::Arc;

use super::{Scene, rules};
use crate::storage::{SessionId, SubjectStore};

/// A label that no other check uses.
fn unused() -> String {
    format!("label of a test, {}", SessionId::generate())
}

pub(super) async fn a_label_finds_its_sessions<S: SubjectStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::LABELLED);
    let (label, other) = (unused(), unused());
    scene.labels(&label, &[]).await;
    let user = scene.user(1).labelled(Some(&label));
    let guest = scene.guest().labelled(Some(&label));
    scene.creates(&user).await;
    scene.creates(&guest).await;
    scene.labels(&label, &[&user, &guest]).await;

    let moved = guest.labelled(Some(&other));
    scene.updates(&guest, &moved).await;
    scene.labels(&label, &[&user]).await;
    scene.labels(&other, &[&moved]).await;
    let changed = user.changed();
    scene.updates(&user, &changed).await;
    scene.labels(&label, &[&changed]).await;
    let removed = changed.labelled(None);
    scene.updates(&changed, &removed).await;
    scene.labels(&label, &[]).await;
    // A label that an update sets.
    let again = removed.labelled(Some(&other));
    scene.updates(&removed, &again).await;
    scene.labels(&other, &[&moved, &again]).await;
    scene.lists(&[&again]).await;
}

pub(super) async fn a_label_does_not_find_what_has_ended<S: SubjectStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::LABELLED);
    let label = unused();
    let labelled = [scene.guest(), scene.guest(), scene.user(1), scene.user(2)];
    let [deleted, expired, ended, kept] = labelled.map(|it| it.labelled(Some(&label)));
    for known in [&deleted, &expired, &ended, &kept] {
        scene.creates(known).await;
    }
    scene.deletes(&deleted).await;
    scene.expires(&expired).await;
    scene.ends(10, Some(&kept), &[&ended]).await;
    scene.labels(&label, &[&kept]).await;
}

pub(super) async fn a_label_is_any_text<S: SubjectStore>(store: Arc<S>) {
    let mut scene = Scene::new(&store, rules::LABELLED);
    let unused = unused();
    let ends = [
        "",
        " ",
        "  ",
        "a",
        "A",
        "\u{e4}",
        "a\u{308}",
        "\u{430}",
        "\0",
        "\n",
        "%",
        "_",
        "*",
        "?",
        ":",
        "}",
        "{a}",
        "'; --",
        "\"\\",
        "\u{1f980}",
        "\u{10ffff}",
    ];
    let mut labels = ends.map(|end| format!("{unused}{end}")).to_vec();
    let long = |end| format!("{unused:x<254}{end}");
    labels.extend([long('y'), long('z')]);
    let mut stored = Vec::new();
    for label in labels {
        let known = scene.guest().labelled(Some(&label));
        scene.creates(&known).await;
        stored.push((label, known));
    }
    for (label, known) in &stored {
        scene.labels(label, &[known]).await;
    }
}
