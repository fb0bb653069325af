//! Which addresses may call a route: blocks to allow and to deny, parsed once. Pure.

use std::net::IpAddr;

use ipnet::IpNet;
use lambdaroute_proxy_config::{SourceRangeError, parse_source_range, v1alpha1};

/// Both lists of a route.
#[derive(Debug)]
pub(crate) struct SourceRanges {
    allow: Box<[IpNet]>,
    deny: Box<[IpNet]>,
}

impl SourceRanges {
    /// # Errors
    /// A block that is none: it is never left out, the route is refused.
    pub(crate) fn new(ranges: &v1alpha1::SourceRanges) -> Result<Self, SourceRangeError> {
        Ok(SourceRanges { allow: parse(&ranges.allow)?, deny: parse(&ranges.deny)? })
    }

    /// Whether a caller at this address may go on. A deny goes before an allow; without any allow, all do that aren't
    /// denied. An IPv4 address that IPv6 maps is one of IPv4.
    pub(crate) fn admit(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let within = |blocks: &[IpNet]| blocks.iter().any(|block| block.contains(&address));
        !within(&self.deny) && (self.allow.is_empty() || within(&self.allow))
    }
}

fn parse(blocks: &[String]) -> Result<Box<[IpNet]>, SourceRangeError> {
    blocks.iter().map(|block| parse_source_range(block)).collect()
}

#[cfg(test)]
mod tests;
