//! What this proxy runs, for `/config`. Pure. No secret is in it: of key sets their sizes, of headers that a route sets their
//! names. What could be secret one day is left out by being named here: every field of a route is.

use std::collections::BTreeMap;

use lambdaroute_proxy_config::v1alpha1::auth_method::Method;
use lambdaroute_proxy_config::v1alpha1::key_set::Keys;
use lambdaroute_proxy_config::v1alpha1::limit_share::Share;
use lambdaroute_proxy_config::v1alpha1::resource::Resource as Kind;
use lambdaroute_proxy_config::v1alpha1::route::Upstream;
use lambdaroute_proxy_config::v1alpha1::{
    Auth, FunctionUrl, KeySet, LimitShare, RateLimit, Resource, Route, Version, limit_key,
};
use serde_json::{Value, json};

/// Flags in force, by name.
pub type Flags = BTreeMap<String, Vec<String>>;

/// What is known of a proxy.
pub(crate) struct Running<'a, R> {
    pub(crate) flags: &'a Flags,
    pub(crate) features: &'a [&'a str],
    /// None: no table yet.
    pub(crate) table: Option<Version>,
    /// Everything in the table; of routes, whether they are served, wait for their port, or are refused.
    pub(crate) resources: R,
}

/// The page.
pub(crate) fn page<'a>(running: Running<'a, impl Iterator<Item = (&'a Resource, &'static str)>>) -> Value {
    let (mut routes, mut key_sets, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    for (Resource { id, version, resource }, state) in running.resources {
        let version = version_of(*version);
        match resource {
            Some(Kind::Route(route)) => {
                routes.push(((&*route.namespace, &*route.name), route_of(id, version, state, route)));
            }
            Some(Kind::KeySet(set)) => key_sets.push((id, key_set_of(id, version, set))),
            Some(Kind::LimitShare(share)) => {
                shares.push(((&*share.route_id, &*share.limit), share_of(version, share)));
            }
            None => {}
        }
    }
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "flags": running.flags,
        "features": running.features,
        "table": version_of(running.table),
        "routes": sorted(routes),
        "keySets": sorted(key_sets),
        "limitShares": sorted(shares),
    })
}

fn sorted<K: Ord>(mut items: Vec<(K, Value)>) -> Vec<Value> {
    items.sort_by(|a, b| a.0.cmp(&b.0));
    items.into_iter().map(|(_, value)| value).collect()
}

fn version_of(version: Option<Version>) -> Value {
    version.map_or(Value::Null, |Version { epoch, counter }| json!({"epoch": epoch, "counter": counter}))
}

fn route_of(id: &str, version: Value, state: &str, route: &Route) -> Value {
    // Destructured whole: of a field that is added it must be said here whether it may be told.
    let Route {
        namespace,
        name,
        port,
        requires,
        upstream,
        auth,
        rate_limits,
        concurrency,
        cors,
        source_ranges,
        request_headers,
        forward_authorization_as,
        timeouts,
        max_request_body,
    } = route;
    json!({
        "id": id,
        "version": version,
        "state": state,
        "namespace": namespace,
        "name": name,
        "port": port,
        "requires": requires,
        "functionURL": upstream.as_ref().map(|Upstream::FunctionUrl(url)| function_url_of(url)),
        "auth": auth.as_ref().map(auth_of),
        "rateLimits": rate_limits.iter().map(rate_limit_of).collect::<Vec<_>>(),
        "concurrency": concurrency.as_ref().map(|concurrency| concurrency.max),
        "cors": cors.as_ref().map(|cors| json!({
            "allowOrigins": cors.allow_origins,
            "allowMethods": cors.allow_methods,
            "allowHeaders": cors.allow_headers,
            "exposeHeaders": cors.expose_headers,
            "allowCredentials": cors.allow_credentials,
            "maxAgeSeconds": cors.max_age_s,
        })),
        "sourceRanges": source_ranges.as_ref().map(|ranges| json!({"allow": ranges.allow, "deny": ranges.deny})),
        "requestHeaders": request_headers.as_ref().map(|headers| json!({
            // Values may come from Secrets.
            "set": headers.set.iter().map(|header| &header.name).collect::<Vec<_>>(),
            "remove": headers.remove,
        })),
        "forwardAuthorizationAs": forward_authorization_as,
        "timeouts": timeouts.as_ref().map(|timeouts| json!({
            "firstByteMilliseconds": timeouts.first_byte_ms,
            "streamIdleMilliseconds": timeouts.stream_idle_ms,
        })),
        "maxRequestBody": max_request_body,
    })
}

fn function_url_of(url: &FunctionUrl) -> Value {
    json!({
        "host": url.host,
        "region": url.region,
        "authType": url.auth_type().as_str_name(),
        "invokeMode": url.invoke_mode().as_str_name(),
        "function": url.function_arn,
    })
}

fn auth_of(auth: &Auth) -> Vec<Value> {
    let method = |method: &lambdaroute_proxy_config::v1alpha1::AuthMethod| match &method.method {
        Some(Method::ApiKey(keys)) => {
            json!({"name": method.name, "type": "APIKey", "header": keys.header, "keySets": keys.key_sets})
        }
        Some(Method::Jwt(jwt)) => json!({
            "name": method.name,
            "type": "JWT",
            "issuer": jwt.issuer,
            "audiences": jwt.audiences,
            "keySet": jwt.key_set,
            "requiredClaims": jwt.required_claims.iter().map(|required| &required.claim).collect::<Vec<_>>(),
        }),
        Some(Method::ServiceAccount(account)) => {
            let allow = account.allow.iter().map(|allowed| format!("{}/{}", allowed.namespace, allowed.name));
            json!({
                "name": method.name,
                "type": "ServiceAccount",
                "issuer": account.issuer,
                "audience": account.audience,
                "keySet": account.key_set,
                "allow": allow.collect::<Vec<_>>(),
            })
        }
        None => json!({"name": method.name}),
    };
    auth.methods.iter().map(method).collect()
}

fn rate_limit_of(limit: &RateLimit) -> Value {
    let key = |key: &lambdaroute_proxy_config::v1alpha1::LimitKey| match &key.key {
        Some(limit_key::Key::Consumer(_)) => "Consumer".to_owned(),
        Some(limit_key::Key::SourceIp(_)) => "SourceIP".to_owned(),
        Some(limit_key::Key::Header(name)) => format!("Header {name}"),
        Some(limit_key::Key::Claim(name)) => format!("Claim {name}"),
        None => "unknown".to_owned(),
    };
    json!({
        "name": limit.name,
        "requests": limit.requests,
        "intervalMilliseconds": limit.interval_ms,
        "burst": limit.burst,
        "keys": limit.keys.iter().map(key).collect::<Vec<_>>(),
    })
}

fn key_set_of(id: &str, version: Value, set: &KeySet) -> Value {
    let (kind, size) = match &set.keys {
        Some(Keys::Jwks(jwks)) => ("JWKS", jwks.len()),
        Some(Keys::Consumers(consumers)) => ("Consumers", consumers.consumers.len()),
        None => ("unknown", 0),
    };
    let size_name = if kind == "JWKS" { "bytes" } else { "consumers" };
    json!({"id": id, "version": version, "type": kind, size_name: size})
}

fn share_of(version: Value, share: &LimitShare) -> Value {
    let (rate, concurrency) = match &share.share {
        Some(Share::Rate(rate)) => {
            (json!({"millirequests": rate.millirequests, "burstMillirequests": rate.burst_millirequests}), Value::Null)
        }
        Some(Share::Concurrency(concurrency)) => (Value::Null, json!(concurrency.max)),
        None => (Value::Null, Value::Null),
    };
    json!({
        "routeID": share.route_id,
        "limit": share.limit,
        "version": version,
        "rate": rate,
        "concurrency": concurrency,
    })
}

#[cfg(test)]
mod tests;
