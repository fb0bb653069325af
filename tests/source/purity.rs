//! Everything that decides is pure: no async, no clock, no client, no randomness.

use crate::files::rust;

/// Files and folders (with all below) that decide.
const PURE: &[&str] = &[
    "controller/src/assignment",
    "controller/src/certificate/issue.rs",
    "controller/src/certificate/material.rs",
    "controller/src/certificate/renewal.rs",
    "controller/src/crd.rs",
    "controller/src/duration",
    "controller/src/leadership/lease.rs",
    "controller/src/slices.rs",
    "controller/src/table/",
    "crds/src/",
    "proxy/config/src/",
    "controller/src/access",
    "controller/src/access_policy",
    "controller/src/assess",
    "controller/src/assignment",
    "controller/src/aws/bucket.rs",
    "controller/src/aws/rate",
    "controller/src/certificate/issue",
    "controller/src/certificate/material",
    "controller/src/certificate/renewal",
    "controller/src/contest",
    "controller/src/demand",
    "controller/src/drift",
    "controller/src/duration",
    "controller/src/events",
    "controller/src/index",
    "controller/src/intent",
    "controller/src/key_set_id",
    "controller/src/observation.rs",
    "controller/src/plan",
    "controller/src/plan_route",
    "controller/src/policy",
    "controller/src/ports",
    "controller/src/principal",
    "controller/src/priority",
    "controller/src/programmed",
    "controller/src/programming.rs",
    "controller/src/rest",
    "controller/src/route_states.rs",
    "controller/src/schedule",
    "controller/src/service",
    "controller/src/shares",
    "controller/src/sid",
    "controller/src/slices.rs",
    "controller/src/sources/address",
    "controller/src/sources/api_keys",
    "controller/src/sources/discovery",
    "controller/src/sources/fetch_error.rs",
    "controller/src/sources/jwks",
    "controller/src/sources/needs",
    "controller/src/sources/problem",
    "controller/src/sources/refresh",
    "controller/src/sources/secret.rs",
    "controller/src/sources/state",
    "controller/src/sources/unread",
    "controller/src/status",
    "controller/src/steady.rs",
    "controller/src/step",
    "controller/src/table/event.rs",
    "controller/src/table/pod.rs",
    "controller/src/table/tightening.rs",
    "controller/src/target",
    "controller/src/uninstall/farewell",
    "controller/src/uninstall/fate",
    "controller/src/uninstall/leftover",
    "controller/src/uninstall/report",
    "controller/src/view.rs",
    "proxy/src/args/size.rs",
    "proxy/src/body_memory",
    "proxy/src/access.rs",
    "proxy/src/access_log/entry",
    "proxy/src/auth",
    "proxy/src/canonical",
    "proxy/src/classify",
    "proxy/src/client_address",
    "proxy/src/config_page",
    "proxy/src/clock_offset",
    "proxy/src/contact",
    "proxy/src/cors",
    "proxy/src/head_limit",
    "proxy/src/headers",
    "proxy/src/key_sets/consumers",
    "proxy/src/key_sets/jwk",
    "proxy/src/limit/gcra",
    "proxy/src/limit/share",
    "proxy/src/limit/subject",
    "proxy/src/limit/told",
    "proxy/src/limit/verdict",
    "proxy/src/metrics/label",
    "proxy/src/problem",
    "proxy/src/readiness",
    "proxy/src/resign",
    "proxy/src/request_form",
    "proxy/src/served_route.rs",
    "proxy/src/sign",
    "proxy/src/source_ranges",
    "proxy/src/stream/back_off",
    "proxy/src/table.rs",
    "proxy/src/table/shares.rs",
    "proxy/src/trace_context",
    "proxy/src/upstream_request.rs",
    "proxy/src/upstream/addresses",
    "proxy/src/upstream/origin",
];

/// What none of them may name.
const IMPURE: [&str; 17] = [
    "async fn",
    "async move",
    ".await",
    "tokio::",
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
    "kube::Client",
    "kube::Api",
    "aws_sdk_",
    "hyper::",
    "rand::",
    "std::env",
    "std::fs",
    "std::process",
    "TcpStream",
];

/// Whether a line has this word, and not a longer one that begins so (`.awaited`).
fn names(line: &str, word: &str) -> bool {
    let goes_on = |rest: &str| {
        word.ends_with(char::is_alphanumeric) && rest.starts_with(|next: char| next.is_alphanumeric() || next == '_')
    };
    line.match_indices(word).any(|(at, _)| !goes_on(&line[at + word.len()..]))
}

#[test]
fn what_decides_names_no_async_clock_client_or_chance() {
    let sources = rust(&crate::files::ALL);
    for place in PURE {
        assert!(sources.iter().any(|source| source.path.starts_with(place)), "{place} isn't there: mend this list");
    }
    let pure = sources.iter().filter(|source| PURE.iter().any(|place| source.path.starts_with(place)));
    for source in pure.filter(|source| !source.is_test() && !source.path.contains("/bin/")) {
        for line in source.text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for word in IMPURE {
                assert!(!names(line, word), "{} decides, and names {word}: {line}", source.path);
            }
        }
    }
}
