//! The Actix Web adapter. It translates between requests and responses of Actix Web and the types of the engine, and
//! makes no decisions.

mod authentication;
mod builder;
mod csrf;
mod errors;
mod extensions;
mod extractor;
mod headers;
mod middleware;
mod origin;
mod pages;
mod service;
mod session_of;

pub use self::{
    authentication::{RecentlyAuthenticated, SignedIn, Unextended},
    builder::SessionMiddlewareBuilder,
    csrf::CsrfGuard,
    extractor::SessionExt,
    middleware::SessionMiddleware,
    session_of::{NoSessionError, SessionOf},
};
