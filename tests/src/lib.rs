//! The embedded environment that the demo and the end-to-end suite run on: a real API server, a real emulator of AWS,
//! and gates before both.

pub mod aws;
pub mod credentials;
pub mod emulator;
pub mod functions;
pub mod gate;
pub mod judge;
pub mod origin;
pub mod principals;
pub mod signature;
pub mod venv;
