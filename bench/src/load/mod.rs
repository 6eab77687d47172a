//! Visitors: they send the requests.
//!
//! Each keeps its own connection, and sends its next request after the response to the last one. Every response is
//! checked, so that a server that fails quickly does not look fast.

mod answer;
mod crowd;
mod timing;
mod visitor;

pub(crate) use self::{
    crowd::{Crowd, times, until},
    timing::Timing,
    visitor::{BEGIN, Visitor},
};
