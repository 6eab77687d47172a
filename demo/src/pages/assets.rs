//! The static files, which are compiled into the program.

use actix_web::{
    HttpResponse,
    http::header::{CONTENT_TYPE, CacheControl, CacheDirective},
    web,
};

const STYLE: &str = include_str!("../../static/style.css");
const PARALLEL: &str = include_str!("../../static/parallel.js");
const IDLE: &str = include_str!("../../static/idle.js");
const RETRY: &str = include_str!("../../static/retry.js");
const ICON: &str = include_str!("../../static/icon.svg");

pub(crate) fn files(config: &mut web::ServiceConfig) {
    for (path, kind, content) in [
        ("/style.css", "text/css; charset=utf-8", STYLE),
        ("/parallel.js", "text/javascript; charset=utf-8", PARALLEL),
        ("/idle.js", "text/javascript; charset=utf-8", IDLE),
        ("/retry.js", "text/javascript; charset=utf-8", RETRY),
        ("/icon.svg", "image/svg+xml", ICON),
    ] {
        config.route(path, web::get().to(async move || file(kind, content)));
    }
}

fn file(kind: &'static str, content: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, kind))
        // The files change with the program. It runs on the same machine, so revalidation is cheap.
        .insert_header(CacheControl(vec![CacheDirective::NoCache]))
        .body(content)
}
