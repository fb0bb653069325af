//! Where a route's requests are sent to: scheme, host and port, made ready once. Pure.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};

use http::uri::{Authority, Scheme};
use rustls::pki_types::ServerName;

use crate::args::FunctionUrlEndpoint;
use crate::clock_offset::ClockOffset;

/// One server. Routes of one server share its connections.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) host: Host,
    pub(crate) port: u16,
    /// For https: whose certificate it must be.
    pub(crate) tls: Option<ServerName<'static>>,
    /// Of the fields above: a request hashes no text.
    hash: u64,
    /// How far its clock is ahead of ours, in milliseconds. Each server's own: no function can set another's clock.
    clock_offset: AtomicI64,
}

/// A name to be looked up, or an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Host {
    /// `absolute`: no search domain is tried. A cluster's resolver has several, and each would be asked first.
    Name {
        /// Without a dot at its end.
        name: String,
        /// Whether it is complete.
        absolute: bool,
    },
    /// Nothing to look up.
    Address(IpAddr),
}

/// The host is no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a host to connect to")]
pub(crate) struct NoHost;

impl Origin {
    /// The server of a function URL: its host, always by TLS.
    pub(crate) fn of_function_url(host: &str) -> Result<Self, NoHost> {
        let authority: Authority = host.parse().map_err(|_| NoHost)?;
        Origin::new(&Scheme::HTTPS, &authority, true)
    }

    /// What the operator named in place of function URLs.
    pub(crate) fn of_endpoint(endpoint: &FunctionUrlEndpoint) -> Result<Self, NoHost> {
        Origin::new(&endpoint.scheme, &endpoint.authority, false)
    }

    fn new(scheme: &Scheme, authority: &Authority, absolute: bool) -> Result<Self, NoHost> {
        let name = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let secure = *scheme == Scheme::HTTPS;
        let tls = if secure { Some(ServerName::try_from(name.clone()).map_err(|_| NoHost)?) } else { None };
        let host = name.parse().map_or(Host::Name { name, absolute }, Host::Address);
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let mut hasher = DefaultHasher::new();
        (&host, port, secure).hash(&mut hasher);
        Ok(Origin { host, port, tls, hash: hasher.finish(), clock_offset: AtomicI64::new(0) })
    }

    /// How far its clock is from ours.
    pub(crate) fn clock_offset(&self) -> ClockOffset {
        ClockOffset::from_milliseconds(self.clock_offset.load(Ordering::Relaxed))
    }

    /// Sets what has been learned of its clock.
    pub(crate) fn set_clock_offset(&self, offset: ClockOffset) {
        self.clock_offset.store(offset.milliseconds(), Ordering::Relaxed);
    }
}

impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
            && self.port == other.port
            && self.tls.is_some() == other.tls.is_some()
            && self.host == other.host
    }
}

impl Eq for Origin {}

impl Hash for Origin {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

#[cfg(test)]
mod tests;
