//! Several middlewares around one handler, each with an extractor of its own.

use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    guard::GuardContext,
    middleware::{Next, from_fn},
    web::{self, ServiceConfig},
};
use serde_json::{Value, json};
use sessile::{
    CookieContentSecurity::Private, Session, SessionExt as _, SessionMiddleware, config::Loading,
    extract::SessionOf, storage::SessionStore,
};

use crate::{
    client::{Reply, Server},
    setup::{Builder, Memory, Setup, in_time},
    watched::{
        Fault::Fail,
        Operation::{Load, Update},
    },
};

struct Admin;
struct Shop;

/// Counts in both sessions, and shows both.
async fn count_both(session: Session, admin: SessionOf<Admin>) -> actix_web::Result<HttpResponse> {
    session.update_or("n", 1, |n: u32| n + 1)?;
    admin.update_or("n", 10, |n: u32| n + 10)?;
    Ok(HttpResponse::Ok().json([session.entries(), admin.entries()]))
}

/// A middleware for administrators.
fn for_admins(setup: &Setup<Memory>) -> Builder<Memory> {
    let builder = setup.builder().cookie_name("admin".to_owned());
    builder.marker::<Admin>()
}

/// A server with `outer` and `inner` around the resource at `/`.
fn start<A: SessionStore, B: SessionStore>(
    outer: SessionMiddleware<A>,
    inner: SessionMiddleware<B>,
    configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> Server {
    Server::start(outer, move |config| {
        let scope = web::scope("").configure(configure.clone());
        config.service(scope.wrap(inner.clone()));
    })
}

/// The `name=value` of each cookie, joined for a `Cookie` header.
fn cookies(reply: &Reply) -> String {
    let cookies = reply.headers("set-cookie").into_iter();
    let mut pairs: Vec<_> = cookies.map(|it| it.split(';').next().unwrap()).collect();
    pairs.sort_unstable();
    pairs.join("; ")
}

#[tokio::test]
async fn a_handler_has_the_session_of_each_middleware() {
    in_time(async {
        let (customers, admins) = (
            Setup::<Memory>::new(Private).await,
            Setup::<Memory>::new(Private).await,
        );
        let both = |config: &mut ServiceConfig| {
            config.route("/", web::to(count_both));
        };
        let unmarked = || customers.builder().build();
        let marked = || for_admins(&admins).build();
        for server in [
            start(unmarked(), marked(), both),
            start(marked(), unmarked(), both),
        ] {
            let reply = server.post("/").await;
            assert_eq!(reply.state(), json!([{"n": 1}, {"n": 10}]));
            let cookies = cookies(&reply);
            assert!(cookies.starts_with("admin=") && cookies.contains("; id="));
            let reply = server.post_as(&cookies, "/").await;
            assert_eq!(reply.state(), json!([{"n": 2}, {"n": 20}]));

            let (of_admin, of_customer) = cookies.split_once("; ").unwrap();
            let reply = server.post_as(of_admin, "/").await;
            assert_eq!(reply.state(), json!([{"n": 1}, {"n": 30}]));
            let reply = server.post_as(of_customer, "/").await;
            assert_eq!(reply.state(), json!([{"n": 3}, {"n": 10}]));
        }
    })
    .await;
}

#[tokio::test]
async fn purging_one_session_leaves_the_other() {
    in_time(async {
        let (shop, admins) = (
            Setup::<Memory>::new(Private).await,
            Setup::<Memory>::new(Private).await,
        );
        let purge = async |shop: SessionOf<Shop>, admin: SessionOf<Admin>| {
            shop.insert("a", 1)?;
            admin.purge();
            Ok::<_, Error>("")
        };
        let outer = shop.builder().marker::<Shop>().build();
        let server = start(outer, for_admins(&admins).build(), move |config| {
            config.route("/", web::to(purge));
        });
        let seeded = admins.start_with(admins.builder().cookie_name("admin".to_owned()));
        let of_admin = seeded.get("/set:a:1").await.cookie();
        let reply = server.post_as(&of_admin, "/").await;
        let cookies = cookies(&reply);
        let (removed, of_shop) = cookies.split_once("; ").unwrap();
        assert_eq!(removed, "admin=");
        assert_eq!(seeded.get_as(&of_admin, "/").await.state(), json!({}));
        let state = shop.start().get_as(of_shop, "/").await.state();
        assert_eq!(state, json!({"a": 1}));
    })
    .await;
}

#[tokio::test]
async fn middleware_and_guards_reach_a_marked_session() {
    async fn around(
        request: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        let admin = request.get_session_of::<Admin>();
        admin.unwrap().insert("before", 1)?;
        let response = next.call(request).await?;
        let admin = response.get_session_of::<Admin>();
        admin.unwrap().insert("after", 1)?;
        Ok(response)
    }
    async fn show(request: HttpRequest) -> HttpResponse {
        let admin = request.get_session_of::<Admin>().unwrap();
        assert!(request.get_session_of::<Shop>().is_none());
        HttpResponse::Ok().json(admin.entries())
    }
    in_time(async {
        let admins = Setup::<Memory>::new(Private).await;
        let is_admin = |context: &GuardContext<'_>| {
            let admin = context.get_session_of::<Admin>();
            admin.is_some_and(|it| it.contains_key("before"))
        };
        let server = Server::start(for_admins(&admins).build(), move |config| {
            let route = web::route().guard(is_admin).to(show);
            config.service(web::scope("").route("/", route).wrap(from_fn(around)));
        });
        let reply = server.post("/").await;
        assert_eq!(reply.state(), json!({"before": 1}));
        let seeded = admins.start_with(admins.builder().cookie_name("admin".to_owned()));
        let state = seeded.get_as(&reply.cookie(), "/").await.state();
        assert_eq!(state, json!({"before": 1, "after": 1}));
    })
    .await;
}

#[tokio::test]
async fn a_marker_without_a_middleware_is_an_opaque_error() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let server = Server::start(setup.builder().build(), |config| {
            config.route("/", web::to(count_both));
        });
        server.post("/").await.assert_failure(500);
    })
    .await;
}

/// The handler's changes are merged in one session, and the response sets one cookie.
#[tokio::test]
async fn a_marked_and_an_unmarked_middleware_for_one_cookie_share_the_session() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let both = |config: &mut ServiceConfig| {
            config.route("/", web::to(count_both));
        };
        let unmarked = || setup.builder().build();
        let marked = || setup.builder().marker::<Admin>().build();
        for server in [
            start(unmarked(), marked(), both),
            start(marked(), unmarked(), both),
        ] {
            let reply = server.post("/").await;
            assert_eq!(reply.state(), json!([{"n": 11}, {"n": 11}]));
            let state = setup.start().get_as(&reply.cookie(), "/").await.state();
            assert_eq!(state, json!({"n": 11}));
        }
    })
    .await;
}

#[tokio::test]
async fn of_two_middlewares_with_one_marker_the_inner_one_replaces_the_outer() {
    async fn count(admin: SessionOf<Admin>) -> actix_web::Result<HttpResponse> {
        admin.update_or("inner", 1, |n: u32| n + 1)?;
        Ok(HttpResponse::Ok().json(admin.entries()))
    }
    async fn between(
        request: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        let response = next.call(request).await?;
        let admin = response.get_session_of::<Admin>();
        admin.unwrap().insert("outer", 1)?;
        Ok(response)
    }
    in_time(async {
        let (outer, inner) = (
            Setup::<Memory>::new(Private).await,
            Setup::<Memory>::new(Private).await,
        );
        let inner_one = inner.builder().marker::<Admin>().build();
        let server = Server::start(for_admins(&outer).build(), move |config| {
            let resource = web::resource("/").to(count).wrap(inner_one.clone());
            config.service(resource.wrap(from_fn(between)));
        });
        let reply = server.post("/").await;
        assert_eq!(reply.state(), json!({"inner": 1}));
        let cookies = cookies(&reply);
        let (of_outer, of_inner) = cookies.split_once("; ").unwrap();
        let state = inner.start().get_as(of_inner, "/").await.state();
        assert_eq!(state, json!({"inner": 1}));
        let seeded = outer.start_with(outer.builder().cookie_name("admin".to_owned()));
        let state = seeded.get_as(of_outer, "/").await.state();
        assert_eq!(state, json!({"outer": 1}));
    })
    .await;
}

#[tokio::test]
async fn a_lazy_session_that_cannot_be_loaded_has_the_page_of_its_own_middleware() {
    in_time(async {
        let (customers, admins) = (
            Setup::<Memory>::new(Private).await,
            Setup::<Memory>::new(Private).await,
        );
        let page = |text: &'static str| {
            move |_: &HttpRequest, failure: &sessile::engine::SessionFailure| {
                let status = actix_web::http::StatusCode::from_u16(failure.status());
                HttpResponse::build(status.unwrap()).body(text)
            }
        };
        let unmarked = customers.builder().loading(Loading::Lazy);
        let marked = for_admins(&admins).loading(Loading::Lazy);
        let server = start(
            marked.failure_page(page("admins")).build(),
            unmarked.failure_page(page("customers")).build(),
            |config| {
                config.route("/", web::to(count_both));
            },
        );
        let cookies = cookies(&server.post("/").await);
        for (setup, text) in [(&customers, "customers"), (&admins, "admins")] {
            setup.watch.inject(Load, Fail);
            let reply = server.post_as(&cookies, "/").await;
            assert_eq!((reply.status, &*reply.body), (503, text));
            setup.watch.heal();
        }
    })
    .await;
}

/// A browser has the one session in a cookie, and an API client has the other one in a header.
#[tokio::test]
async fn one_request_has_a_session_in_a_cookie_and_one_in_a_header() {
    in_time(async {
        let (customers, admins) = (
            Setup::<Memory>::new(Private).await,
            Setup::<Memory>::new(Private).await,
        );
        let in_header = admins.builder().session_header(Some("X-Admin".to_owned()));
        let marked = in_header.marker::<Admin>().build();
        let server = start(customers.builder().build(), marked, |config| {
            config.route("/", web::to(count_both));
        });
        let reply = server.post("/").await;
        let header = reply.headers("x-admin")[0];
        let request = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\
             Cookie: {}\r\nX-Admin: {header}\r\n\r\n",
            reply.cookie()
        );
        let reply = server.exchange(request.as_bytes()).await;
        let both: Value = json!([{"n": 2}, {"n": 20}]);
        assert_eq!(reply.state(), both);
        assert_eq!(reply.headers("vary"), ["X-Admin", "Cookie"]);
    })
    .await;
}

/// The browser's old cookie no longer opens that session.
#[tokio::test]
async fn the_cookie_of_the_inner_session_is_sent_if_the_outer_one_fails() {
    async fn renew_admin(
        session: Session,
        admin: SessionOf<Admin>,
    ) -> actix_web::Result<HttpResponse> {
        session.update_or("n", 1, |n: u32| n + 1)?;
        admin.renew();
        Ok(HttpResponse::Ok().finish())
    }
    async fn fail(
        request: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        let response = next.call(request).await?;
        match response.request().path() {
            "/renew-and-fail" => Err(actix_web::error::ErrorBadGateway("")),
            _ => Ok(response),
        }
    }
    in_time(async {
        for (path, status) in [("/renew", 503), ("/renew-and-fail", 503)] {
            let (customers, admins) = (
                Setup::<Memory>::new(Private).await,
                Setup::<Memory>::new(Private).await,
            );
            let server = start(
                customers.builder().build(),
                for_admins(&admins).build(),
                move |config: &mut ServiceConfig| {
                    let renew = web::resource(path).wrap(from_fn(fail));
                    config
                        .route("/", web::to(count_both))
                        .service(renew.route(web::to(renew_admin)));
                },
            );
            let reply = server.post("/").await;
            let old = cookies(&reply);
            customers.watch.inject(Update, Fail);
            let reply = server.post_as(&old, path).await;
            assert_eq!(reply.status, status, "{path}");
            customers.watch.heal();
            let renewed = reply.cookie();
            assert!(renewed.starts_with("admin="), "{path}");
            let customer = old.split("; ").find(|it| it.starts_with("id=")).unwrap();
            let both = format!("{customer}; {renewed}");
            let reply = server.post_as(&both, "/").await;
            assert_eq!(reply.state(), json!([{"n": 2}, {"n": 20}]), "{path}");
        }
    })
    .await;
}
