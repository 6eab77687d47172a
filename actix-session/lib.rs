//! [`sessile`] under the package name `actix-session`, for crates that depend on `actix-session`.
//!
//! With a `[patch.crates-io]` section, such crates use sessile's types and see sessile's sessions. The README beside this
//! file shows the section.

pub use sessile::*;
