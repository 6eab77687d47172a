//! The guide: pages for people with a task. All examples are compiled and run.

pub mod writing_a_store;
