//! The embedded environment: everything that the end-to-end tests and `cargo demo` stand on.

pub mod http;
pub mod route_table;
pub mod scripted_proxy;
