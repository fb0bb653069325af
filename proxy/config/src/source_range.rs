//! Blocks of addresses (CIDR, RFC 4632 and RFC 4291) as manifests and flags give them. Pure.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

/// Not a block of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a block of addresses in CIDR form: write 10.0.0.0/8 or 2001:db8::/32")]
pub struct SourceRangeError(pub String);

/// Reads a block. Bits after the prefix are dropped; a block of IPv4 addresses that IPv6 maps (`::ffff:10.0.0.0/104`) is one
/// of IPv4, as such addresses are.
///
/// # Errors
/// It is no CIDR block. An address alone is none: its prefix must be said.
pub fn parse_source_range(text: &str) -> Result<IpNet, SourceRangeError> {
    let block: IpNet = text.parse().map_err(|_| SourceRangeError(text.to_owned()))?;
    let block = block.trunc();
    if let IpNet::V6(v6) = block
        && let IpAddr::V4(address) = IpAddr::from(v6.addr()).to_canonical()
        && let Some(prefix) = v6.prefix_len().checked_sub(MAPPED_PREFIX)
    {
        return v4(address, prefix).ok_or_else(|| SourceRangeError(text.to_owned()));
    }
    Ok(block)
}

/// The bits before the IPv4 address in one that is mapped.
const MAPPED_PREFIX: u8 = 96;

fn v4(address: Ipv4Addr, prefix: u8) -> Option<IpNet> {
    Ipv4Net::new(address, prefix).ok().map(IpNet::V4)
}

#[cfg(test)]
mod tests;
