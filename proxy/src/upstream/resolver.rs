//! Names to addresses, by /etc/hosts and the name servers of /etc/resolv.conf. Answers are kept for as long as they say.

use std::net::IpAddr;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::LookupIpStrategy;
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::Name;
use tokio::sync::OnceCell;

use super::addresses::in_turn;

/// Why there is no address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResolveError {
    /// /etc/resolv.conf can't be used.
    #[error("reading the resolver's configuration, /etc/resolv.conf and /etc/hosts")]
    Configuration(#[source] NetError),
    /// Not a DNS name.
    #[error("{0:?} is not a DNS name")]
    Name(String),
    /// The name servers know no address, or don't answer.
    #[error("looking up {0:?}")]
    Lookup(String, #[source] NetError),
}

/// Set up at its first use: a proxy whose upstream is an address needs none.
#[derive(Default)]
pub(crate) struct Resolver {
    resolver: OnceCell<TokioResolver>,
}

impl Resolver {
    /// All addresses, in the order to try them. `absolute`: no search domain is tried.
    pub(crate) async fn addresses(&self, host: &str, absolute: bool) -> Result<Vec<IpAddr>, ResolveError> {
        let resolver = self.resolver.get_or_try_init(async || system()).await?;
        let mut name = Name::from_utf8(host).map_err(|_| ResolveError::Name(host.to_owned()))?;
        name.set_fqdn(absolute || name.is_fqdn());
        let found = resolver.lookup_ip(name).await.map_err(|error| ResolveError::Lookup(host.to_owned(), error))?;
        Ok(in_turn(found.iter()))
    }
}

fn system() -> Result<TokioResolver, ResolveError> {
    let mut builder = TokioResolver::builder_tokio().map_err(ResolveError::Configuration)?;
    builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    builder.build().map_err(ResolveError::Configuration)
}

#[cfg(test)]
mod tests;
