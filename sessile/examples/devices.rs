//! Login, "remember me", a list of the user's devices, and "log out everywhere", as an API for a page of your own.
//!
//! ```text
//! curl -c jar localhost:8080/login -d 'name=ferris&password=crab&remember=true'
//! curl -b jar localhost:8080/devices
//! ```

use std::time::Duration;

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, Result, cookie::Key, http::header::USER_AGENT, web,
};
use sessile::{
    Session, SessionMiddleware, Sessions,
    config::Persistence,
    extract::{RecentlyAuthenticated, SignedIn},
    storage::{MemorySessionStore, SessionId},
};

type Devices = web::Data<Sessions<MemorySessionStore>>;

const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

#[derive(serde::Deserialize)]
struct Login {
    name: String,
    password: String,
    #[serde(default)]
    remember: bool,
}

#[derive(serde::Serialize)]
struct Device {
    id: String,
    browser: Option<String>,
    signed_in_at: Option<u64>,
    is_this: bool,
}

/// An application has a table of users here, and a slow hash of the password.
fn is_password_of(name: &str, password: &str) -> bool {
    name == "ferris" && password == "crab"
}

async fn login(
    request: HttpRequest,
    session: Session,
    web::Form(login): web::Form<Login>,
) -> Result<HttpResponse> {
    if !is_password_of(&login.name, &login.password) {
        return Ok(HttpResponse::UnprocessableEntity().body("wrong name or password"));
    }
    session.sign_in(&login.name).await?;
    session.set_persistence(login.remember.then(|| Persistence::remembered(MONTH)))?;
    let browser = (request.headers().get(USER_AGENT)).and_then(|it| it.to_str().ok());
    let browser = browser.map(|it| it.chars().take(80).collect::<String>());
    session.set_label("browser", browser.as_deref())?;
    Ok(HttpResponse::NoContent().finish())
}

async fn logout(session: Session) -> HttpResponse {
    session.sign_out();
    HttpResponse::NoContent().finish()
}

async fn devices(user: SignedIn, devices: Devices) -> Result<web::Json<Vec<Device>>> {
    let listed = devices.list(user.subject()).await?;
    let listed = listed.into_iter().map(|it| Device {
        id: it.id().to_string(),
        browser: it.label("browser").map(ToOwned::to_owned),
        signed_in_at: it.signed_in_at().map(|time| time.as_unix_millis()),
        is_this: it.is(user.session()),
    });
    Ok(web::Json(listed.collect()))
}

async fn end_device(
    user: SignedIn,
    devices: Devices,
    id: web::Path<SessionId>,
) -> Result<HttpResponse> {
    // Ends nothing if it is the id of another user's session.
    devices.end(user.subject(), &id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn logout_others(user: RecentlyAuthenticated, devices: Devices) -> Result<HttpResponse> {
    devices.end_others(user.session()).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn logout_everywhere(user: SignedIn, devices: Devices) -> Result<HttpResponse> {
    devices.end_all(user.subject()).await?;
    user.session().sign_out();
    Ok(HttpResponse::NoContent().finish())
}

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/login", web::post().to(login))
        .route("/logout", web::post().to(logout))
        .route("/devices", web::get().to(devices))
        .route("/devices/{id}", web::delete().to(end_device))
        .route("/logout-others", web::post().to(logout_others))
        .route("/logout-everywhere", web::post().to(logout_everywhere));
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let sessions = SessionMiddleware::new(MemorySessionStore::default(), Key::generate());
    let devices = web::Data::new(sessions.sessions());
    HttpServer::new(move || {
        let app = App::new().app_data(devices.clone());
        app.wrap(sessions.clone()).configure(configure)
    })
    .bind(("127.0.0.1", 8080))?
    .run()
    .await
}
