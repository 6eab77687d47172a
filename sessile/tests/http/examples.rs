//! The example programs, as their readers run them.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::mpsc,
    time::Duration,
};

use actix_web::{cookie::Key, web};
use sessile::{
    SessionMiddleware,
    config::KeyRing,
    extract::CsrfGuard,
    storage::{MemorySessionStore, SqliteSessionStore},
};

use crate::{
    audit_example, client::Server, csrf::token_in, ending_cookies_example, form_before_example,
    forms_example, keys_example, setup::in_time, shop_example, site_and_api_example,
};

fn middleware() -> SessionMiddleware<MemorySessionStore> {
    SessionMiddleware::new(MemorySessionStore::default(), Key::generate())
}

#[tokio::test]
async fn the_shop_shows_a_notice_once_and_keeps_its_fields() {
    in_time(async {
        let shop = Server::start(middleware(), shop_example::configure);
        let empty = shop.get("/").await;
        assert_eq!(empty.body, "0 articles, prices in EUR");

        let form = "article=apple";
        let added = shop
            .exchange(
                format!(
                    "POST /cart HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                     Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
                    form.len()
                )
                .as_bytes(),
            )
            .await;
        assert_eq!((added.status, added.headers("location")), (303, vec!["/"]));
        let cookie = added.cookie();
        let page = shop.get_as(&cookie, "/").await;
        assert_eq!(page.body, "Added: apple\n1 articles, prices in EUR");

        let chosen = shop.post_as(&cookie, "/currency/CHF").await;
        assert_eq!(chosen.status, 303);
        for expected in [
            "Prices are in CHF now.\n1 articles, prices in CHF",
            "1 articles, prices in CHF",
        ] {
            assert_eq!(shop.get_as(&cookie, "/").await.body, expected);
        }
    })
    .await;
}

#[tokio::test]
async fn the_site_and_its_api_have_sessions_of_their_own() {
    in_time(async {
        let store = MemorySessionStore::default();
        let site = site_and_api_example::for_browsers(store.clone(), Key::generate()).build();
        let api = site_and_api_example::for_api(store, Key::generate()).build();
        let server = Server::start(site, move |config| {
            site_and_api_example::configure(config, api.clone());
        });

        let visit = server.post("/visits").await;
        let cookie = visit.cookie();
        assert!(cookie.starts_with("__Host-id="), "{cookie}");
        let visit = server.post_as(&cookie, "/visits").await;
        assert_eq!(visit.body, "visits of the site: Some(2)");

        let call = server.post("/api/visits").await;
        call.assert_sets_no_cookie();
        let value = call.headers("x-session")[0].to_owned();
        let request = format!(
            "POST /api/visits HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Length: 0\r\nX-Session: {value}\r\nCookie: {cookie}\r\n\r\n"
        );
        let call = server.exchange(request.as_bytes()).await;
        assert_eq!(call.body, "visits of the API: Some(2)");
    })
    .await;
}

/// A server of the example with keys, and the file that it reads them from.
struct WithKeys {
    file: PathBuf,
    keys: KeyRing,
    server: Server,
}

impl WithKeys {
    fn start(store: &MemorySessionStore, file: PathBuf, lines: &[&str]) -> Self {
        write_keys(&file, lines);
        let keys = KeyRing::from_file(&file).unwrap();
        let sessions = SessionMiddleware::new(store.clone(), keys.clone());
        let server = Server::start(sessions, keys_example::configure);
        Self { file, keys, server }
    }
}

fn write_keys(file: &Path, lines: &[&str]) {
    fs::write(file, lines.join("\n") + "\n").unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

#[tokio::test]
async fn the_server_uses_the_new_keys_of_its_file() {
    in_time(async {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("session-keys");
        let (old, new) = ("0a".repeat(64), "1b".repeat(64));
        let store = MemorySessionStore::default();
        let WithKeys { file, keys, server } = WithKeys::start(&store, file, &[&old]);
        let sealed_by_old = server.post("/login").await.cookie();
        let ticks = tokio::time::interval(Duration::from_millis(1));
        let reloading = tokio::spawn(keys_example::reload_regularly(keys, ticks));

        // A change of a session in a store sets no cookie, unless another key seals it now.
        write_keys(&file, &[&new, &old]);
        let sealed_by_new = loop {
            let visit = server.get_as(&sealed_by_old, "/").await;
            assert_eq!(visit.status, 200);
            if !visit.headers("set-cookie").is_empty() {
                break visit.cookie();
            }
        };

        write_keys(&file, &[&new]);
        while server.get_as(&sealed_by_old, "/").await.status != 401 {}
        let visit = server.get_as(&sealed_by_new, "/").await;
        assert_eq!(visit.status, 200);
        visit.assert_sets_no_cookie();
        reloading.abort();
    })
    .await;
}

/// The steps of `guide::replacing_keys`, one server after the other.
#[tokio::test]
async fn a_user_stays_signed_in_while_two_servers_replace_their_key() {
    in_time(async {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = ("0a".repeat(64), "1b".repeat(64));
        let store = MemorySessionStore::default();
        let servers =
            ["one", "other"].map(|name| WithKeys::start(&store, folder.path().join(name), &[&old]));
        let mut cookie = servers[0].server.post("/login").await.cookie();
        let first_cookie = cookie.clone();
        let mut visits = 0;
        for step in [vec![&*old, &new], vec![&new, &old], vec![&new]] {
            for changed in &servers {
                write_keys(&changed.file, &step);
                changed.keys.reload().unwrap();
                for WithKeys { server, .. } in &servers {
                    let visit = server.get_as(&cookie, "/").await;
                    visits += 1;
                    assert_eq!(visit.body, format!("ferris, visit {visits}\n"), "{step:?}");
                    cookie = visit.cookie_or(&cookie);
                }
            }
        }
        // The old key is gone on both.
        for WithKeys { server, .. } in &servers {
            assert_eq!(server.get_as(&first_cookie, "/").await.status, 401);
        }
    })
    .await;
}

/// The lines of a program without its documentation and blank lines.
fn code(program: &str) -> impl Iterator<Item = &str> {
    let lines = program.lines();
    lines.filter(|line| !line.is_empty() && !line.starts_with("//!"))
}

#[test]
fn a_form_gets_csrf_protection_and_a_flash_message_in_under_20_lines() {
    let mut before: Vec<_> = code(include_str!("../../examples/forms/before.rs")).collect();
    let after = code(include_str!("../../examples/forms/main.rs"));
    let added: Vec<_> = after
        .filter(|line| match before.iter().position(|it| it == line) {
            Some(same) => {
                before.remove(same);
                false
            }
            None => true,
        })
        .collect();
    assert!((1..20).contains(&added.len()), "{added:#?}");
    for ability in ["CsrfGuard::new", "csrf_field", "flash(", "take_flash"] {
        assert!(added.iter().any(|line| line.contains(ability)), "{ability}");
    }
}

#[tokio::test]
async fn the_form_refuses_other_sites_and_thanks_its_users() {
    const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
    const BARE: &str = r#"<form method="post"><input name="article"></form>"#;
    in_time(async {
        let post = |cookie: &str, form: &str| {
            format!(
                "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{FORM}\r\n\
                 Cookie: {cookie}\r\nContent-Length: {}\r\n\r\n{form}",
                form.len()
            )
            .into_bytes()
        };
        let before = Server::start_bare(form_before_example::configure);
        assert_eq!(before.get("/").await.body, BARE);
        let sent = before.exchange(&post("", "article=apple")).await;
        assert_eq!((sent.status, sent.headers("location")), (303, vec!["/"]));

        let after = Server::start(middleware(), |config| {
            let form = web::scope("").wrap(CsrfGuard::new());
            config.service(form.configure(forms_example::configure));
        });
        let page = after.get("/").await;
        let (cookie, token) = (page.cookie(), token_in(&page.body));
        let forged = after.exchange(&post(&cookie, "article=apple")).await;
        assert_eq!(forged.status, 403);
        let form = format!("csrf_token={token}&article=apple");
        let sent = after.exchange(&post(&cookie, &form)).await;
        assert_eq!((sent.status, sent.headers("location")), (303, vec!["/"]));
        for thanks in ["Thank you for your order.", ""] {
            let page = after.get_as(&cookie, "/").await.body;
            let form = page.strip_prefix(thanks).unwrap();
            assert!(form.starts_with(r#"<form method="post">"#), "{page}");
            assert!(form.ends_with(r#"<input name="article"></form>"#), "{page}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_trail_names_what_happened_and_a_sign_out_ends_the_wait() {
    in_time(async {
        let sessions = middleware();
        let (lines, trail) = mpsc::channel();
        let write = move |line: String| lines.send(line).unwrap();
        let writing = tokio::spawn(audit_example::write_trail(sessions.events(), write));
        let data = web::Data::new(sessions.clone());
        let server = Server::start(sessions, move |config| {
            config.app_data(data.clone());
            audit_example::configure(config);
        });
        assert_eq!(server.get("/wait").await.status, 401);

        let cookie = server.post("/login").await.cookie();
        let client = *server;
        let waiting = tokio::spawn({
            let cookie = cookie.clone();
            async move { client.get_as(&cookie, "/wait").await }
        });
        server.post_as(&cookie, "/logout").await;
        // Whichever request was first: the user has signed out.
        let reply = waiting.await.unwrap();
        assert!([200, 401].contains(&reply.status), "{reply:?}");

        drop(server);
        writing.await.unwrap();
        let lines: Vec<_> = trail.iter().collect();
        let kinds: Vec<_> = lines
            .iter()
            .map(|line| line.split(' ').next().unwrap())
            .collect();
        assert_eq!(
            kinds,
            ["Created", "SignedIn", "Ended(Request)"],
            "{lines:?}"
        );
        assert!(
            lines[1].starts_with("SignedIn user ferris session "),
            "{lines:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_copy_of_a_cookie_opens_nothing_after_the_sign_out() {
    in_time(async {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("revocations.db");
        let list = SqliteSessionStore::new(file.to_str().unwrap())
            .await
            .unwrap();
        let sessions = ending_cookies_example::sessions(list, Key::generate());
        let server = Server::start(sessions.clone(), move |config| {
            ending_cookies_example::configure(config, &sessions);
        });
        let (first, second) = (
            server.post("/login").await.cookie(),
            server.post("/login").await.cookie(),
        );
        for cookie in [&first, &second] {
            assert_eq!(server.get_as(cookie, "/").await.body, "Hello, ferris");
        }

        server.post_as(&first, "/logout").await;
        assert_eq!(server.get_as(&first, "/").await.status, 401);
        assert_eq!(server.get_as(&second, "/").await.status, 200);
        assert_eq!(server.post("/lock/ferris").await.status, 204);
        assert_eq!(server.get_as(&second, "/").await.status, 401);
    })
    .await;
}
