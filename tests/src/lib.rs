//! The embedded environment: everything that the end-to-end tests and `cargo demo` stand on.

pub mod account;
pub mod aws;
pub mod cable;
pub mod caller;
pub mod cluster;
pub mod components;
pub mod controlplane;
pub mod credentials;
pub mod emulator;
pub mod environment;
pub mod functions;
pub mod gate;
pub mod helm;
pub mod http;
pub mod judge;
pub mod origin;
pub mod principals;
pub mod process;
pub mod route_table;
pub mod scripted_proxy;
pub mod signature;
pub mod stack;
pub mod target;
pub mod toolchain;
pub mod venv;
pub mod wait;
