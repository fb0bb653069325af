//! What each proxy may let through of a route's limits. Pure. The shares of all proxies add up to each total exactly; a proxy
//! that comes or goes moves them, nothing else of the route.
//!
//! Bursts are divided in whole requests, since a proxy with less than one could never admit any. A route lives on no more
//! proxies than each of its totals has a whole one for ([`most_proxies`]); only while one takes another's place are there more,
//! of which so many let through, and the rate is divided among those alone.

use lambdaroute_proxy_config::v1alpha1::limit_share::Share;
use lambdaroute_proxy_config::v1alpha1::{ConcurrencyShare, LimitShare, RateLimit, RateShare, Route};

/// Whether a route has anything to share.
pub fn is_limited(route: &Route) -> bool {
    route.concurrency.is_some() || !route.rate_limits.is_empty()
}

/// On how many proxies a route may live, so that each has a share of every limit: one without any would refuse, for ever, all
/// callers who come to it, while others have room. At least one.
pub fn most_proxies(route: &Route) -> usize {
    let bursts = route.rate_limits.iter().map(|limit| limit.burst);
    let least = bursts.chain(route.concurrency.iter().map(|concurrency| u64::from(concurrency.max))).min();
    least.map_or(usize::MAX, |least| usize::try_from(least).unwrap_or(usize::MAX)).max(1)
}

/// Whether a proxy with these shares lets any request through.
pub fn admit(shares: &[LimitShare]) -> bool {
    let admits = |share: &LimitShare| match &share.share {
        Some(Share::Rate(rate)) => rate.burst_millirequests > 0,
        Some(Share::Concurrency(concurrency)) => concurrency.max > 0,
        None => false,
    };
    !shares.is_empty() && shares.iter().all(admits)
}

/// The shares of the proxy at `index` among `proxies`, one for each limit of the route. Where a total can't be divided evenly,
/// the first ones have more: in all limits the same, so that a proxy which has nothing of one isn't missed by another.
pub fn of(id: &str, route: &Route, proxies: usize, index: usize) -> Vec<LimitShare> {
    let all = |limit: &str, share| LimitShare { route_id: id.to_owned(), limit: limit.to_owned(), share: Some(share) };
    let rates = route.rate_limits.iter().map(|limit| all(&limit.name, Share::Rate(rate(limit, proxies, index))));
    let concurrency = route.concurrency.as_ref().map(|concurrency| {
        let max = part(u64::from(concurrency.max), proxies, index);
        all("", Share::Concurrency(ConcurrencyShare { max: u32::try_from(max).unwrap_or(u32::MAX) }))
    });
    rates.chain(concurrency).collect()
}

/// What a proxy gets that callers aren't to reach: nothing. Without any share it would let the whole total through.
pub fn nothing(id: &str, route: &Route) -> Vec<LimitShare> {
    of(id, route, 0, 0)
}

/// The id of a share among resources of its type.
pub fn id(share: &LimitShare) -> String {
    format!("{}/{}", share.route_id, share.limit)
}

fn rate(limit: &RateLimit, proxies: usize, index: usize) -> RateShare {
    let admitting = usize::try_from(limit.burst).map_or(proxies, |burst| burst.min(proxies));
    RateShare {
        millirequests: part(limit.requests.saturating_mul(1000), admitting, index),
        burst_millirequests: part(limit.burst, proxies, index).saturating_mul(1000),
    }
}

/// The part of `total` that the one at `index` of `among` gets; nothing for one that isn't among them.
fn part(total: u64, among: usize, index: usize) -> u64 {
    let (Ok(among), Ok(index)) = (u64::try_from(among), u64::try_from(index)) else { return 0 };
    if index >= among {
        return 0;
    }
    total / among + u64::from(index < total % among)
}

#[cfg(test)]
mod tests;
