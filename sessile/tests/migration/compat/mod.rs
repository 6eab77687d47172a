//! Stores that were written for actix-session, behind the adapter.

mod acceptance;
mod failures;
mod lifecycle;
mod races;
mod taking_over;
mod world;
