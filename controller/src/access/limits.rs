//! Limits as the route table has them: the route's totals. Shares of proxies are the table's matter.

use std::time::Duration;

use lambdaroute_crds::{AuthMethodType, Concurrency, LimitKey, LimitKeyType, RateLimit};
use lambdaroute_proxy_config::v1alpha1::limit_key::Key;
use lambdaroute_proxy_config::v1alpha1::{self, ConsumerKey, SourceIpKey};

use super::Access;
use super::table::{Unfit, header_name, millis};

/// Keys that only some method of authentication can give.
pub(super) fn judge_keys(access: &Access) -> Result<(), String> {
    let methods = || access.auth.iter().flat_map(|auth| &auth.methods);
    let has = |type_| {
        access.rate_limits.iter().flatten().flat_map(|limit| &limit.keys).any(|key: &LimitKey| key.type_ == type_)
    };
    if has(LimitKeyType::Consumer) && methods().next().is_none() {
        return Err("spec.rateLimits[].keys of type Consumer need spec.auth, which says who calls: give a method, or another key"
            .to_owned());
    }
    if has(LimitKeyType::Claim) && !methods().any(|method| method.type_ == AuthMethodType::JWT) {
        return Err(
            "spec.rateLimits[].keys of type Claim need a method of type JWT in spec.auth: give one, or another key"
                .to_owned(),
        );
    }
    Ok(())
}

pub(super) fn rate(limit: &RateLimit) -> Result<v1alpha1::RateLimit, Unfit> {
    let RateLimit { name, requests, interval, burst, keys } = limit;
    if *requests == 0 || *burst == Some(0) {
        return Err(Unfit::Wrong(format!("requests and burst of {name:?} in spec.rateLimits must be at least 1")));
    }
    let (least, most) = (Duration::from_secs(1), Duration::from_secs(60 * 60));
    Ok(v1alpha1::RateLimit {
        name: name.clone(),
        requests: u64::from(*requests),
        interval_ms: millis("spec.rateLimits[].interval", interval, least, most)?,
        burst: u64::from(burst.unwrap_or(*requests)),
        keys: keys.iter().map(key).collect::<Result<_, _>>()?,
    })
}

fn key(key: &LimitKey) -> Result<v1alpha1::LimitKey, Unfit> {
    let LimitKey { type_, header, claim } = key;
    let form = match (type_, header, claim) {
        (LimitKeyType::Consumer, None, None) => Key::Consumer(ConsumerKey {}),
        (LimitKeyType::SourceIP, None, None) => Key::SourceIp(SourceIpKey {}),
        (LimitKeyType::Header, Some(name), None) => Key::Header(header_name("spec.rateLimits[].keys[].header", name)?),
        (LimitKeyType::Claim, None, Some(name)) => Key::Claim(name.clone()),
        _ => {
            return Err(Unfit::wrong(
                "a key of spec.rateLimits[].keys has its type and, with Header and Claim, the member of that name",
            ));
        }
    };
    Ok(v1alpha1::LimitKey { key: Some(form) })
}

pub(super) fn concurrency(concurrency: &Concurrency) -> Result<v1alpha1::Concurrency, Unfit> {
    let Concurrency { max } = concurrency;
    if *max == 0 {
        return Err(Unfit::wrong("spec.concurrency.max must be at least 1: 0 would let nobody in"));
    }
    Ok(v1alpha1::Concurrency { max: *max })
}
