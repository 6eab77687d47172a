//! The example of a login, "remember me", a list of devices and "log out everywhere", as an application runs it.

use std::time::Duration;

use actix_web::{cookie::Key, web};
use serde_json::{Value, json};
use sessile::{SessionMiddleware, clock::ManualClock, storage::MemorySessionStore};

use crate::{
    client::{Reply, Server},
    devices::configure,
    setup::in_time,
};

struct Application {
    server: Server,
    clock: ManualClock,
}

impl Application {
    fn start() -> Self {
        let clock = ManualClock::default();
        let store = MemorySessionStore::builder().clock(clock.clone()).build();
        let builder = SessionMiddleware::builder(store, Key::generate());
        let middleware = builder.clock(clock.clone()).build();
        let devices = web::Data::new(middleware.sessions());
        let server = Server::start(middleware, move |config| {
            config.app_data(devices.clone());
            configure(config);
        });
        Self { server, clock }
    }

    async fn login(&self, browser: &str, form: &str) -> Reply {
        // A millisecond apart, so that the list has an order.
        self.clock.advance(Duration::from_millis(1));
        let request = format!(
            "POST /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nUser-Agent: {browser}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        );
        self.server.exchange(request.as_bytes()).await
    }

    /// The browsers in the list, and whether each is the one that asks.
    async fn list(&self, cookie: &str) -> Vec<Value> {
        let listed = self.server.get_as(cookie, "/devices").await.state();
        let listed = listed.as_array().unwrap().iter();
        listed
            .map(|it| json!([it["browser"], it["is_this"]]))
            .collect()
    }

    async fn id_of(&self, cookie: &str, browser: &str) -> String {
        let listed = self.server.get_as(cookie, "/devices").await.state();
        let mut listed = listed.as_array().unwrap().iter();
        let found = listed.find(|it| it["browser"] == browser).unwrap();
        found["id"].as_str().unwrap().to_owned()
    }

    async fn is_signed_in(&self, cookie: &str) -> bool {
        match self.server.get_as(cookie, "/devices").await.status {
            200 => true,
            401 => false,
            status => panic!("{status}"),
        }
    }
}

const LOGIN: &str = "name=ferris&password=crab";
const REMEMBERED: &str = "name=ferris&password=crab&remember=true";

#[tokio::test]
async fn a_user_sees_and_ends_the_sessions_of_all_devices() {
    in_time(async {
        let app = Application::start();
        let wrong = app.login("phone", "name=ferris&password=wrong").await;
        assert_eq!(wrong.status, 422);
        wrong.assert_sets_no_cookie();

        let phone = app.login("phone", REMEMBERED).await;
        let days = Duration::from_secs(30 * 24 * 3600);
        let max_age = phone.set_cookie().max_age().unwrap();
        assert_eq!(max_age, days);
        let laptop = app.login("laptop", LOGIN).await;
        assert_eq!(laptop.set_cookie().max_age(), None);
        let tablet = app.login("tablet", LOGIN).await.cookie();
        let (phone, laptop) = (phone.cookie(), laptop.cookie());
        let expected = [
            json!(["phone", false]),
            json!(["laptop", true]),
            json!(["tablet", false]),
        ];
        assert_eq!(app.list(&laptop).await, expected);

        let id = app.id_of(&laptop, "tablet").await;
        let end = async |id: &str| {
            let path = format!("/devices/{id}");
            app.server
                .send("DELETE", &path, &[laptop.as_bytes()])
                .await
                .status
        };
        assert_eq!(end(&id).await, 204);
        assert!(!app.is_signed_in(&tablet).await);
        // An id that names no session, and a text that is no id.
        assert_eq!(end(&id).await, 204);
        assert_eq!(end("tablet").await, 404);

        let reply = app.server.post_as(&laptop, "/logout-everywhere").await;
        assert_eq!(reply.status, 204);
        reply.assert_removes_cookie();
        assert!(!app.is_signed_in(&phone).await && !app.is_signed_in(&laptop).await);
    })
    .await;
}

#[tokio::test]
async fn to_end_all_other_sessions_needs_a_recent_login() {
    in_time(async {
        let app = Application::start();
        let phone = app.login("phone", LOGIN).await.cookie();
        let laptop = app.login("laptop", LOGIN).await.cookie();
        app.clock.advance(Duration::from_secs(601));
        let refused = app.server.post_as(&laptop, "/logout-others").await;
        refused.assert_failure(401);
        assert!(app.is_signed_in(&phone).await);

        let tablet = app.login("tablet", LOGIN).await.cookie();
        let reply = app.server.post_as(&tablet, "/logout-others").await;
        assert_eq!(reply.status, 204);
        assert_eq!(app.list(&tablet).await, [json!(["tablet", true])]);
        assert!(!app.is_signed_in(&phone).await && !app.is_signed_in(&laptop).await);
        app.server
            .post_as(&tablet, "/logout")
            .await
            .assert_removes_cookie();
        assert!(!app.is_signed_in(&tablet).await);
    })
    .await;
}

#[tokio::test]
async fn a_remembered_user_is_signed_in_after_weeks() {
    in_time(async {
        let app = Application::start();
        let remembered = app.login("phone", REMEMBERED).await.cookie();
        let other = app.login("laptop", LOGIN).await.cookie();
        app.clock.advance(Duration::from_secs(29 * 24 * 3600));
        assert!(app.is_signed_in(&remembered).await);
        assert!(!app.is_signed_in(&other).await);
        app.clock.advance(Duration::from_secs(24 * 3600));
        assert!(!app.is_signed_in(&remembered).await);
    })
    .await;
}

/// Login, "remember me", the list of devices and "log out everywhere", with the `main` of the program.
#[test]
fn the_example_has_less_than_120_lines() {
    let lines = include_str!("../../examples/devices.rs").lines().count();
    assert!(lines < 120, "{lines} lines");
}
