//! The data plane: one listener per route of the table; each request is signed and forwarded to its function URL.
//!
//! It has no Kubernetes client and never learns an upstream from a caller: everything that it serves comes from the
//! route table ([`stream`] fills [`table`], [`programmer`] turns it into [`listeners`]), and [`serve`] is the one path
//! that a request takes.

mod acceptor;
mod access;
mod access_log;
mod address_text;
mod admin;
mod answer;
mod app;
mod args;
mod auth;
mod aws;
mod body;
mod body_memory;
mod caller_io;
mod caller_streams;
mod canonical;
mod classify;
mod client_address;
mod clock_offset;
mod config_page;
mod connection;
mod contact;
mod cors;
mod error_chain;
mod exchange;
mod file_limit;
mod head_limit;
mod headers;
#[doc(hidden)]
pub mod internals;
mod kept;
mod key_sets;
mod lifecycle;
mod limit;
mod listeners;
mod log;
mod memory_limit;
mod metrics;
mod moment;
mod observation;
mod patience;
mod problem;
mod programmer;
mod readiness;
mod report;
mod request_body;
mod request_form;
mod resign;
mod response_body;
mod serve;
mod served_route;
mod sha256;
mod sign;
mod source_ranges;
mod state_file;
mod stream;
mod table;
mod trace_context;
mod upstream;
mod upstream_request;
mod worker;

pub use app::{Bound, BuildError, build};
pub use args::{AccessLogMode, Args, FunctionUrlEndpoint, HostPort, LogFormat, read as read_args};
pub use config_page::Flags;
pub use file_limit::raise as raise_file_limit;
pub use lifecycle::signals;
pub use log::init as init_log;
