//! Stores that were written for actix-session, behind the adapter.

mod acceptance;
mod engine;
mod failures;
mod races;
mod taking_over;
mod world;
