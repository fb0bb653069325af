//! Why a fetch of keys brought none. Pure.

use std::time::Duration;

use super::discovery::DiscoveryError;
use super::jwks::JwksError;

/// The longest that a fetch may take, with name resolution and redirects.
pub const DEADLINE: Duration = Duration::from_secs(5);
/// How many redirects are followed.
pub const REDIRECTS: usize = 3;

/// Why there is no document. The texts reach status: they are the same for every try, and show no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The name has no address.
    #[error("its host has no address")]
    Unresolved,
    /// All its addresses are private, and the operator doesn't allow them.
    #[error(
        "its host has no public address, and the platform team doesn't allow private ones (chart value controller.jwks.privateRanges)"
    )]
    NotAllowed,
    /// No connection.
    #[error("its host can't be reached")]
    Unreachable,
    /// TLS failed.
    #[error(
        "TLS fails: its certificate must be valid for the host, and by a CA that the controller trusts (chart value controller.jwks.caConfigMap)"
    )]
    Tls,
    /// No complete answer in time.
    #[error("there is no complete answer within {} s", DEADLINE.as_secs())]
    Timeout,
    /// The connection broke, or this isn't HTTP.
    #[error("the answer is broken")]
    Broken,
    /// Another status than 200.
    #[error("the answer has the status {0}")]
    Status(u16),
    /// To another host, to another scheme, or too often.
    #[error("it redirects to another host, or more than {REDIRECTS} times")]
    Redirect,
    /// More than 1 MiB.
    #[error("the answer has more than 1 MiB")]
    TooLarge,
    /// An issuer that leads to no keys.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// What came is no key set.
    #[error(transparent)]
    Jwks(#[from] JwksError),
    /// The roots of trust can't be read.
    #[error("the controller's CA file can't be read (--jwks-ca-file)")]
    Trust,
}

impl FetchError {
    /// For the metric.
    pub const fn label(self) -> &'static str {
        match self {
            FetchError::Unresolved => "unresolved",
            FetchError::NotAllowed => "not_allowed",
            FetchError::Unreachable => "unreachable",
            FetchError::Tls => "tls",
            FetchError::Timeout => "timeout",
            FetchError::Broken => "broken",
            FetchError::Status(_) => "status",
            FetchError::Redirect => "redirect",
            FetchError::TooLarge => "too_large",
            FetchError::Discovery(_) => "discovery",
            FetchError::Jwks(_) => "not_a_key_set",
            FetchError::Trust => "trust",
        }
    }
}
