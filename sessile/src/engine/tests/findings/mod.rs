//! Faults that a review of the first version found, each with its siblings.

#[cfg(feature = "cookie-session")]
mod after_response;
mod clocks;
mod expiry;
mod replaying;
mod sign_ins;
mod sign_outs;
mod superseded;
mod values;

use super::*;
