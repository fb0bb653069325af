//! Which addresses the controller may dial for a URL that a manifest, or a document that one leads to, has named. Pure.
//! Public ones; others only in blocks that the operator allows: else a manifest would make the controller a caller inside
//! the cluster's and the cloud's own networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Not reachable from everywhere, or not one host. Source: the IANA IPv4 Special-Purpose Address Registry.
const SPECIAL_V4: [(Ipv4Addr, u8); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Link-local, with the clouds' metadata services.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Multicast.
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    // Reserved, and broadcast.
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Global unicast addresses are in here.
const GLOBAL_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// And of these not. Source: the IANA IPv6 Special-Purpose Address Registry.
const SPECIAL_V6: [(Ipv6Addr, u8); 4] = [
    // Protocol assignments, with Teredo, which carries an IPv4 address.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    // 6to4, which carries an IPv4 address.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// NAT64 (RFC 6052): the last 32 bits are the IPv4 address that is reached. Clusters of IPv6 alone reach IPv4 by it.
const NAT64: (Ipv6Addr, u8) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Whether this address may be dialled: it is public, or in one of the operator's blocks.
pub fn may_dial(address: IpAddr, allowed: &[IpNet]) -> bool {
    let reached = reached(address);
    is_public(reached) || allowed.iter().any(|block| block.contains(&reached) || block.contains(&address))
}

/// The address that is really reached: IPv4 within IPv6 is IPv4.
fn reached(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if in_v6(NAT64, v6) => {
            let [.., a, b, c, d] = v6.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        canonical => canonical,
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !SPECIAL_V4.iter().any(|block| in_v4(*block, v4)),
        IpAddr::V6(v6) => in_v6(GLOBAL_V6, v6) && !SPECIAL_V6.iter().any(|block| in_v6(*block, v6)),
    }
}

fn in_v4((network, prefix): (Ipv4Addr, u8), address: Ipv4Addr) -> bool {
    Ipv4Net::new(network, prefix).is_ok_and(|block| block.contains(&address))
}

fn in_v6((network, prefix): (Ipv6Addr, u8), address: Ipv6Addr) -> bool {
    Ipv6Net::new(network, prefix).is_ok_and(|block| block.contains(&address))
}

#[cfg(test)]
mod tests;
