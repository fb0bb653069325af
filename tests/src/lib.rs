//! The embedded environment: everything that the end-to-end tests and `cargo demo` stand on.

pub mod aws;
pub mod caller;
pub mod credentials;
pub mod emulator;
pub mod functions;
pub mod gate;
pub mod http;
pub mod judge;
pub mod origin;
pub mod principals;
pub mod route_table;
pub mod scripted_proxy;
pub mod signature;
pub mod venv;
