//! A visit from the first page to signing out, on a real server with a real client.

use actix_test::TestServer;
use actix_web::{
    App,
    cookie::{Cookie, time::Duration},
    http::Method,
    web,
};
use serde::{Deserialize, Serialize};

use super::{key, only};
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

impl Client {
    async fn request(
        &self,
        method: Method,
        path: &str,
        cookie: Option<&Cookie<'static>>,
    ) -> (Page, Option<Cookie<'static>>) {
        let mut request = self.0.request(method, self.0.url(path));
        if let Some(cookie) = cookie {
            request = request.cookie(Cookie::new(cookie.name(), cookie.value()));
        }
        let login = Login {
            user_id: "ferris".to_owned(),
        };
        let mut response = request.send_json(&login).await.expect("a response");
        assert!(response.status().is_success(), "{}", response.status());
        let page = response.json().await.expect("a page");
        let cookies = response.cookies().expect("cookies").clone();
        let cookie = only(COOKIE, cookies.into_iter());
        (page, cookie)
    }

    async fn get(&self, cookie: Option<&Cookie<'static>>) -> (Page, Option<Cookie<'static>>) {
        self.request(Method::GET, "/", cookie).await
    }

    /// A page that has to set the cookie, with the full `Max-Age`.
    async fn post(&self, path: &str, cookie: Option<&Cookie<'static>>) -> (Page, Cookie<'static>) {
        let (page, cookie) = self.request(Method::POST, path, cookie).await;
        let cookie = cookie.expect("a session cookie");
        assert_eq!(cookie.max_age(), Some(LENGTH));
        (page, cookie)
    }
}

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

    // 1. A first look leaves no trace.
    assert_eq!(client.get(None).await, (Page::anonymous(0), None));

    // 2. to 4. Doing something starts a session, and goes on in it.
    let (page, first) = client.post("/do_something", None).await;
    assert_eq!(page, Page::anonymous(1));
    assert_eq!(client.get(Some(&first)).await, (Page::anonymous(1), None));
    let (page, second) = client.post("/do_something", Some(&first)).await;
    assert_eq!(page, Page::anonymous(2));

    // 5. to 7. Signing in moves it to a new key with all it holds.
    let (page, third) = client.post("/login", Some(&second)).await;
    assert_eq!(page, Page::of_ferris(2));
    assert_ne!(third.value(), second.value());
    assert_eq!(client.get(Some(&third)).await, (Page::of_ferris(2), None));
    let (page, fourth) = client.post("/do_something", Some(&third)).await;
    assert_eq!(page, Page::of_ferris(3));

    // 8. The key from before signing in leads nowhere, where sessions can be taken back.
    let (page, cookie) = client.get(Some(&second)).await;
    if is_invalidation_supported {
        assert_eq!((page, cookie), (Page::anonymous(0), None));
    } else {
        assert_eq!(page, Page::anonymous(2));
    }

    // 9. Signing out makes the browser forget.
    let (_, removal) = client.request(Method::POST, "/logout", Some(&third)).await;
    let removal = removal.expect("a removal cookie");
    assert_eq!(removal.value(), "");
    assert_eq!(removal.max_age(), Some(Duration::ZERO));
    assert_eq!(removal.path(), Some("/"));

    // 10. And so does the server, whatever cookie comes.
    let (page, cookie) = client.get(Some(&removal)).await;
    assert_eq!(page, Page::anonymous(0));
    if is_invalidation_supported {
        assert_eq!(cookie, None);
        for ended in [&third, &fourth] {
            assert_eq!(client.get(Some(ended)).await, (Page::anonymous(0), None));
        }
    }
}
