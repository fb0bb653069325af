//! In which order a server's addresses are tried: RFC 8305 section 4, IPv6 first, then the families in turn, so that a
//! family that doesn't work costs one attempt. Pure.

use std::net::IpAddr;

/// The order to try them in. Within a family the resolver's order is kept.
pub(crate) fn in_turn(addresses: impl IntoIterator<Item = IpAddr>) -> Vec<IpAddr> {
    let (v6, v4): (Vec<IpAddr>, Vec<IpAddr>) = addresses.into_iter().partition(IpAddr::is_ipv6);
    let mut ordered = Vec::with_capacity(v6.len() + v4.len());
    let (mut v6, mut v4) = (v6.into_iter(), v4.into_iter());
    loop {
        let before = ordered.len();
        ordered.extend(v6.next());
        ordered.extend(v4.next());
        if ordered.len() == before {
            return ordered;
        }
    }
}

#[cfg(test)]
mod tests;
