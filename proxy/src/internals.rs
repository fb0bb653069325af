//! What the benchmark of signing, the long comparison of signatures and the fuzz targets reach of the private rooms. They
//! are crates of their own, as Cargo has it. Not an API: the package isn't published, and its binary uses none of this.

use std::time::Duration;

mod callers;
mod signing;
mod tables;

pub use callers::Callers;
pub use signing::{Credentials, Hash, Request, Signing};
pub use tables::Tables;

/// Reads a flag's duration.
///
/// # Errors
/// It is none, or negative.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    crate::args::duration(text)
}
