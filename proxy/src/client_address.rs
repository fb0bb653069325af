//! Whose request it is, as far as that can be trusted: the address of the connection's other end, or, where that is a
//! proxy that the operator trusts, what it says about the caller before it. Pure.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The proxies before this one that are believed.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustedProxies(Box<[IpNet]>);

/// What is believed about a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// The one address that is trusted; IPv4 where IPv6 maps it.
    pub(crate) address: IpAddr,
    /// Whether the other end is a trusted proxy: then what it says besides is kept.
    pub(crate) behind_proxy: bool,
    /// The host that the caller asked for, where a trusted proxy says it.
    pub(crate) host: Option<HeaderValue>,
    /// Whether the caller came by https, as a trusted proxy says.
    pub(crate) https: bool,
}

impl TrustedProxies {
    pub(crate) fn new(blocks: &[IpNet]) -> Self {
        TrustedProxies(blocks.into())
    }

    /// Who calls. Of `X-Forwarded-For` the rightmost address is the client that no trusted proxy has: what stands left of
    /// it, anybody may have written.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return Client { address: peer, behind_proxy: false, host: None, https: false };
        }
        let https =
            last(headers, &X_FORWARDED_PROTO).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"https"));
        let host = last(headers, &X_FORWARDED_HOST).cloned();
        Client { address: self.before(peer, headers), behind_proxy: true, host, https }
    }

    /// The nearest address that isn't trusted; where there is none, or what comes next is no address, the furthest trusted.
    fn before(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut nearest = peer;
        for line in headers.get_all(&X_FORWARDED_FOR).iter().rev() {
            for hop in line.as_bytes().rsplit(|&byte| byte == b',') {
                let Some(address) = address(hop) else { return nearest };
                nearest = address;
                if !self.trusts(address) {
                    return nearest;
                }
            }
        }
        nearest
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|block| block.contains(&address))
    }
}

/// The last line: the one of the nearest proxy.
fn last<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    headers.get_all(name).iter().next_back()
}

/// An address, also with a port, as some load balancers write it: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`,
/// `[2001:db8::1]:80`, `[2001:db8::1]`.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop.trim_ascii()).ok()?;
    let bracketed = || hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address: Option<IpAddr> = hop.parse().ok();
    address
        .or_else(|| hop.parse::<SocketAddr>().ok().map(|hop| hop.ip()))
        .or_else(bracketed)
        .map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests;
