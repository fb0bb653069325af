//! The contract between controller and proxy: the route table's messages and what makes a table valid.
//! No I/O, nothing of Kubernetes or AWS; both sides judge a table by the same rules.

pub mod cause;
pub mod feature;
mod header_name;
mod source_range;
mod validate;
mod version;

pub use header_name::{HeaderNameError, MAX_HEADER_NAME, check_header_name, is_hop_by_hop};
pub use source_range::{SourceRangeError, parse_source_range};
pub use validate::{Invalid, validate_route};

/// The generated messages, client and server of `proto/route_table.proto`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::panic, clippy::unwrap_used, clippy::expect_used)]
pub mod v1alpha1 {
    tonic::include_proto!("lambdaroute.routetable.v1alpha1");
}

/// The audience of the ServiceAccount tokens that proxies prove themselves with.
pub const TOKEN_AUDIENCE: &str = "lambdaroute.dev";

/// The name on the controller's certificate, whatever address it is dialled at.
pub const SERVER_NAME: &str = "route-table.lambdaroute.dev";
