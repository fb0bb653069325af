//! Tests over the source itself: who may import whom, what a pure file may name, and the shape of files. They keep the
//! invariants that README.md tells, and need nothing but the checkout and cargo.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails; clippy knows #[test] alone")]

mod benchmark;
mod chart;
mod conditions;
mod docker;
mod docs;
mod files;
mod imports;
mod purity;
mod shape;
mod signing;
