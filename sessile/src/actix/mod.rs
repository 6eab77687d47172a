//! The Actix Web adapter: cookies in, cookies out.
//!
//! What a session is and when it is stored is decided by the engine; here is only the way from an
//! Actix Web request to it and back.

mod builder;
mod errors;
mod extractor;
mod headers;
mod middleware;

pub use self::{
    builder::SessionMiddlewareBuilder, extractor::SessionExt, middleware::SessionMiddleware,
};
