//! HTTP/2, over which browsers may send each cookie in its own header (RFC 9113, section 8.2.3).

use std::net::SocketAddr;

use actix_web::{App, HttpServer, web};
use h2::client;
use sessile::{CookieContentSecurity::Private, Session, SessionMiddleware, storage::SessionStore};
use tokio::net::TcpStream;

use crate::setup::{Memory, Setup, in_time};

/// Counts the requests of a session.
fn serve<S: SessionStore>(
    middleware: SessionMiddleware<S>,
) -> (actix_web::dev::Server, SocketAddr) {
    let count = async |session: Session| {
        session.update_or("n", 1, |n: u32| n + 1)?;
        Ok::<_, actix_web::Error>(session.get::<u32>("n")?.unwrap_or_default().to_string())
    };
    let server = HttpServer::new(move || {
        let middleware = middleware.clone();
        App::new().wrap(middleware).default_service(web::to(count))
    });
    let server = server.workers(1).disable_signals();
    let server = server.bind_auto_h2c(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0];
    (server.run(), address)
}

/// Sends a request with these `Cookie` headers. Returns the cookie that the response sets, and its body.
async fn ask(address: SocketAddr, crumbs: &[&str]) -> (Option<String>, String) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut client, connection) = client::handshake(stream).await.unwrap();
    let connection = actix_web::rt::spawn(connection);
    let mut request = http::Request::post("http://localhost/");
    for crumb in crumbs {
        request = request.header("cookie", *crumb);
    }
    let (response, _) = client
        .send_request(request.body(()).unwrap(), true)
        .unwrap();
    let response = response.await.unwrap();
    assert_eq!(response.status(), 200);
    let set_cookie = response.headers().get("set-cookie");
    let set_cookie =
        set_cookie.map(|it| it.to_str().unwrap().split(';').next().unwrap().to_owned());
    let mut body = response.into_body();
    let mut text = Vec::new();
    while let Some(chunk) = body.data().await {
        text.extend_from_slice(&chunk.unwrap());
    }
    connection.abort();
    (set_cookie, String::from_utf8(text).unwrap())
}

#[actix_web::test]
async fn the_session_is_found_among_several_cookie_headers() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let (server, address) = serve(setup.builder().build());
        let handle = server.handle();
        let running = actix_web::rt::spawn(server);
        let (cookie, count) = ask(address, &["a=b"]).await;
        let cookie = cookie.unwrap();
        assert_eq!(count, "1");
        for (index, crumbs) in [
            vec!["a=b", &cookie, "c=d"],
            vec![&cookie, "id=garbage"],
            vec!["id=garbage", "a=b", &cookie],
            vec![&cookie, &cookie],
        ]
        .into_iter()
        .enumerate()
        {
            let (set_cookie, count) = ask(address, &crumbs).await;
            assert_eq!((set_cookie, count), (None, (index + 2).to_string()));
        }
        handle.stop(false).await;
        running.await.unwrap().unwrap();
    })
    .await;
}
