//! Visitors: who sends the requests.
//!
//! Each has a connection of its own that it keeps, and sends its next request when the last one was
//! answered. Every answer is checked: a server that fails quickly must not look like a fast one.

mod answer;
mod crowd;
mod timing;
mod visitor;

pub(crate) use self::{
    crowd::{Crowd, times, until},
    timing::Timing,
    visitor::{BEGIN, Visitor},
};
