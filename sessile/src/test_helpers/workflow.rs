//! A visit from the first page to signing out, on a real server with a real client.

use actix_test::TestServer;
use actix_web::{
    App,
    cookie::{Cookie, time::Duration},
    http::Method,
    web,
};
use serde::{Deserialize, Serialize};

use super::{check::Check, key};
use crate::{
    CookieContentSecurity, Session, SessionMiddleware, config::PersistentSession,
    storage::SessionStore,
};

const COOKIE: &str = "test-session";
const LENGTH: Duration = Duration::days(7);

/// What each page shows of its session.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Page {
    user_id: Option<String>,
    counter: i32,
}

impl Page {
    fn of(session: &Session) -> actix_web::Result<web::Json<Self>> {
        Ok(web::Json(Self {
            user_id: session.get("user_id")?,
            counter: session.get("counter")?.unwrap_or(0),
        }))
    }

    fn anonymous(counter: i32) -> Self {
        Self {
            user_id: None,
            counter,
        }
    }

    fn of_ferris(counter: i32) -> Self {
        Self {
            user_id: Some("ferris".to_owned()),
            counter,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Login {
    user_id: String,
}

async fn index(session: Session) -> actix_web::Result<web::Json<Page>> {
    Page::of(&session)
}

async fn do_something(session: Session) -> actix_web::Result<web::Json<Page>> {
    session.update_or("counter", 1, |counter: i32| counter + 1)?;
    Page::of(&session)
}

async fn login(session: Session, form: web::Json<Login>) -> actix_web::Result<web::Json<Page>> {
    session.insert("user_id", &form.user_id)?;
    session.renew();
    Page::of(&session)
}

async fn logout(session: Session) -> actix_web::Result<web::Json<Page>> {
    session.purge();
    Page::of(&session)
}

struct Client(TestServer);

/// A page, and the cookie that it set.
type Answer = (Page, Option<Cookie<'static>>);

impl Client {
    async fn request(
        &self,
        check: Check,
        method: Method,
        path: &str,
        cookie: Option<&Cookie<'static>>,
    ) -> Answer {
        let by = format!("`{method} {path}`");
        let mut request = self.0.request(method, self.0.url(path));
        if let Some(cookie) = cookie {
            request = request.cookie(Cookie::new(cookie.name(), cookie.value()));
        }
        let login = Login {
            user_id: "ferris".to_owned(),
        };
        let mut response = check.succeeds(&by, request.send_json(&login)).await;
        if !response.status().is_success() {
            check.broken(format_args!("{by} was answered {}.", response.status()));
        }
        let page = check.succeeds(&by, response.json()).await;
        let cookies = response.cookies().map(|cookies| cookies.clone());
        let cookies = cookies.unwrap_or_else(|error| {
            check.broken(format_args!(
                "{by} set cookies that can't be read: {error}."
            ))
        });
        let cookie = check.only(&by, COOKIE, cookies.into_iter());
        (page, cookie)
    }

    /// `GET /`, which has to show `wanted`; the cookie that it set.
    async fn shows(
        &self,
        check: Check,
        cookie: Option<&Cookie<'static>>,
        wanted: Page,
    ) -> Option<Cookie<'static>> {
        let (page, set) = self.request(check, Method::GET, "/", cookie).await;
        check.wants("what `GET /` shows", &page, &wanted);
        set
    }

    /// `GET /`, which has to show `wanted` and set no cookie.
    async fn only_shows(&self, check: Check, cookie: Option<&Cookie<'static>>, wanted: Page) {
        let set = self.shows(check, cookie, wanted).await;
        check.wants_no_cookie("`GET /`", set.as_ref());
    }

    /// A `POST` that has to answer `wanted`, and set the cookie with the full `Max-Age`.
    async fn changes(
        &self,
        check: Check,
        path: &str,
        cookie: Option<&Cookie<'static>>,
        wanted: Page,
    ) -> Cookie<'static> {
        let by = format!("`POST {path}`");
        let (page, set) = self.request(check, Method::POST, path, cookie).await;
        check.wants(&format!("what {by} shows"), &page, &wanted);
        let set = check.wants_cookie(&by, set);
        check.wants_max_age(&by, &set, LENGTH);
        set
    }
}

// The steps of the visit, each with its rule.

const LOOK: Check = Check::of(
    "step 1: a request without a cookie that only reads has an empty session, and no cookie",
);
const BEGIN: Check =
    Check::of("step 2: the first change of a session sets a cookie with the full `Max-Age`");
const READ: Check =
    Check::of("step 3: a request with the first cookie reads what was stored, and sets no cookie");
const CHANGE: Check = Check::of(
    "step 4: a change with the first cookie goes on in its session, and sets a second cookie with the \
     full `Max-Age`",
);
const LOGIN: Check = Check::of(
    "step 5: `renew` gives the session another key, with its whole state, and sets a third cookie",
);
const SIGNED_IN: Check =
    Check::of("step 6: a request with the third cookie reads the state that was renewed");
const CHANGE_AGAIN: Check =
    Check::of("step 7: a change with the third cookie goes on in the renewed session");
const OLD_KEY_IS_DEAD: Check =
    Check::of("step 8: the cookie from before `renew` opens nothing, and is not set again");
const OLD_STATE_STAYS: Check = Check::of(
    "step 8: where sessions can't be taken back, the cookie from before `renew` holds the state from \
     before it",
);
const LOGOUT: Check = Check::of(
    "step 9: `purge` sets a removal cookie: an empty value, `Max-Age=0`, and the path of the cookie",
);
const ENDED: Check =
    Check::of("step 10: after `purge`, no cookie opens the session, and none is set");

pub(super) async fn complex(
    store: impl SessionStore,
    security: CookieContentSecurity,
    is_invalidation_supported: bool,
) {
    let middleware = SessionMiddleware::builder(store, key())
        .cookie_name(COOKIE.to_owned())
        // The client speaks plain HTTP.
        .cookie_secure(false)
        .cookie_content_security(security)
        .session_lifecycle(PersistentSession::default().session_ttl(LENGTH))
        .build();
    let client = Client(actix_test::start(move || {
        App::new()
            .wrap(middleware.clone())
            .route("/", web::get().to(index))
            .route("/do_something", web::post().to(do_something))
            .route("/login", web::post().to(login))
            .route("/logout", web::post().to(logout))
    }));
    let (guest, ferris) = (Page::anonymous, Page::of_ferris);

    client.only_shows(LOOK, None, guest(0)).await;
    let first = client.changes(BEGIN, "/do_something", None, guest(1));
    let first = first.await;
    client.only_shows(READ, Some(&first), guest(1)).await;
    let second = client.changes(CHANGE, "/do_something", Some(&first), guest(2));
    let second = second.await;

    let third = client.changes(LOGIN, "/login", Some(&second), ferris(2));
    let third = third.await;
    if third.value() == second.value() {
        LOGIN.broken("The third cookie has the value of the second.");
    }
    client.only_shows(SIGNED_IN, Some(&third), ferris(2)).await;
    let fourth = client.changes(CHANGE_AGAIN, "/do_something", Some(&third), ferris(3));
    let fourth = fourth.await;

    match is_invalidation_supported {
        true => {
            client
                .only_shows(OLD_KEY_IS_DEAD, Some(&second), guest(0))
                .await
        }
        false => drop(client.shows(OLD_STATE_STAYS, Some(&second), guest(2)).await),
    }

    let logout = client.request(LOGOUT, Method::POST, "/logout", Some(&third));
    let removal = LOGOUT.wants_cookie("`POST /logout`", logout.await.1);
    LOGOUT.wants("its value", &removal.value(), &"");
    LOGOUT.wants_max_age("`POST /logout`", &removal, Duration::ZERO);
    LOGOUT.wants("its path", &removal.path(), &Some("/"));

    let set = client.shows(ENDED, Some(&removal), guest(0)).await;
    if is_invalidation_supported {
        ENDED.wants_no_cookie("`GET /`", set.as_ref());
        for ended in [&third, &fourth] {
            client.only_shows(ENDED, Some(ended), guest(0)).await;
        }
    }
}
