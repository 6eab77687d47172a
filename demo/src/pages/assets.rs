//! The static files, which are compiled into the program.

use actix_web::{
    HttpResponse,
    http::header::{CONTENT_TYPE, CacheControl, CacheDirective},
    web,
};

const STYLE: &str = include_str!("../../static/style.css");
const SCRIPT: &str = include_str!("../../static/app.js");
const ICON: &str = include_str!("../../static/icon.svg");

pub(crate) fn files(config: &mut web::ServiceConfig) {
    config
        .route("/style.css", web::get().to(style))
        .route("/app.js", web::get().to(script))
        .route("/icon.svg", web::get().to(icon));
}

async fn style() -> HttpResponse {
    file("text/css; charset=utf-8", STYLE)
}

async fn script() -> HttpResponse {
    file("text/javascript; charset=utf-8", SCRIPT)
}

async fn icon() -> HttpResponse {
    file("image/svg+xml", ICON)
}

fn file(kind: &'static str, content: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, kind))
        // The files change with the program. It runs on the same machine, so revalidation is cheap.
        .insert_header(CacheControl(vec![CacheDirective::NoCache]))
        .body(content)
}
