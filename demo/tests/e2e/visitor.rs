//! A client without scripts, as the tests over HTTP use it.

use reqwest::{Client, Response, header::SET_COOKIE, redirect::Policy};

use crate::site::Site;

/// A client with a cookie jar that does not follow redirects.
pub(crate) fn visitor() -> Client {
    Client::builder()
        .cookie_store(true)
        .redirect(Policy::none())
        .no_proxy()
        .build()
        .unwrap()
}

pub(crate) async fn get(client: &Client, site: &Site, path: &str) -> Response {
    client.get(site.at(path)).send().await.unwrap()
}

pub(crate) async fn text(client: &Client, site: &Site, path: &str) -> String {
    get(client, site, path).await.text().await.unwrap()
}

/// The token of the first form on a page.
pub(crate) async fn token(client: &Client, site: &Site, path: &str) -> String {
    let page = text(client, site, path).await;
    let field = page.split_once("name=\"csrf_token\" value=\"");
    let (_, rest) = field.unwrap_or_else(|| panic!("{path} has no form:\n{page}"));
    rest.split('"').next().unwrap().to_owned()
}

/// Sends a form of the page at `page`.
pub(crate) async fn send(
    client: &Client,
    site: &Site,
    page: &str,
    action: &str,
    fields: &[(&str, &str)],
) -> Response {
    let token = token(client, site, page).await;
    let form: Vec<_> = [("csrf_token", token.as_str())]
        .into_iter()
        .chain(fields.iter().copied())
        .collect();
    let request = client.post(site.at(action)).form(&form);
    request.send().await.unwrap()
}

pub(crate) async fn sign_in(client: &Client, site: &Site, name: &str, password: &str) -> Response {
    let fields = [("name", name), ("password", password)];
    send(client, site, "/sign-in", "/sign-in", &fields).await
}

/// The name and the value of the cookie that a response sets.
pub(crate) fn cookie(response: &Response) -> String {
    let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}
