//! The manifest by example, as proxies get it, and what no proxy ever gets.

use std::collections::BTreeSet;

use lambdaroute_crds::{LambdaRoute, SecretKeyRef};
use lambdaroute_proxy_config::v1alpha1::auth_method::Method;
use lambdaroute_proxy_config::v1alpha1::{
    AuthType as UrlAuthType, FunctionUrl, InvokeMode, Route, key_set::Keys, limit_key::Key, route::Upstream,
};
use lambdaroute_proxy_config::{check_header_name, feature, validate_route};

use super::*;

/// Every access field once.
const WHOLE: &str = "
auth:
  methods:
    - name: keys
      type: APIKey
      apiKey:
        header: X-Api-Key
        secretRefs: [{name: orders-consumers}]
        consumers: [{name: web, digests: ['sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08']}]
    - name: idp
      type: JWT
      jwt:
        issuer: https://idp.example
        audiences: [orders]
        requiredClaims: [{claim: scope, type: SpaceDelimited, anyOf: ['orders:write']}]
        forwardClaims: [{claim: sub, header: X-User}]
    - name: pods
      type: ServiceAccount
      serviceAccount: {allow: [{namespace: web, name: checkout}]}
rateLimits:
  - {name: everyone, requests: 100, interval: 1s, burst: 200}
  - {name: each, requests: 10, interval: 1m30s, keys: [{type: Consumer}, {type: SourceIP}, {type: Header, header: X-Tenant}, {type: Claim, claim: sub}]}
concurrency: {max: 50}
cors: {allowOrigins: ['https://shop.example'], allowMethods: [GET, PUT], allowHeaders: [content-type], exposeHeaders: [x-total], allowCredentials: true, maxAge: 1h}
sourceRanges: {allow: [10.0.0.0/8], deny: [10.9.0.0/16]}
requestHeaders:
  set: [{name: X-Gateway-Key, valueFrom: {secretKeyRef: {name: gateway, key: key}}}, {name: x-stage, value: prod}]
  remove: [Cookie]
forwardAuthorizationAs: X-Forwarded-Authorization
timeouts: {firstByte: 30s, streamIdle: 1m}
maxRequestBody: 1Mi
";

fn access(yaml: &str) -> Access {
    serde_yaml_ng::from_str(yaml).unwrap()
}

fn place() -> Place {
    Place { uid: "uid-1".into(), namespace: "shop".into(), service: "orders".into() }
}

fn references() -> References {
    let reference = SecretKeyRef { name: "gateway".into(), key: "key".into() };
    References {
        cluster_issuer: Some("https://kubernetes.default.svc".into()),
        values: [(reference, SecretValue(b"s3cret".to_vec()))].into(),
        resolution: Resolution::Resolved,
    }
}

fn judged(yaml: &str) -> Result<(), String> {
    access(yaml).judge(AuthType::AwsIam, &place(), Some("https://kubernetes.default.svc"))
}

/// The route as proxies get it: what the table adds is of the function.
fn completed(route: Route) -> Route {
    let mut route = Route {
        namespace: "shop".into(),
        name: "orders".into(),
        port: 10001,
        upstream: Some(Upstream::FunctionUrl(FunctionUrl {
            host: "abc.lambda-url.eu-west-1.on.aws".into(),
            region: "eu-west-1".into(),
            auth_type: UrlAuthType::AwsIam.into(),
            invoke_mode: InvokeMode::Buffered.into(),
            function_arn: "arn:aws:lambda:eu-west-1:111122223333:function:orders".into(),
        })),
        ..route
    };
    route.requires = feature::of(&route).into_iter().map(ToOwned::to_owned).collect();
    route
}

#[test]
fn every_field_of_the_manifest_reaches_proxies_and_requires_its_feature() {
    let TableForm { route, key_sets } = access(WHOLE).table_form(&place(), &references()).unwrap();
    let route = completed(route);
    let supported: BTreeSet<&str> = feature::SUPPORTED.iter().copied().collect();
    validate_route(&route, &supported).unwrap();
    for feature in [
        feature::AUTH_API_KEY,
        feature::AUTH_JWT,
        feature::AUTH_SERVICE_ACCOUNT,
        feature::RATE_LIMITS,
        feature::CONCURRENCY,
        feature::CORS,
        feature::SOURCE_RANGES,
        feature::REQUEST_HEADERS,
        feature::FORWARD_AUTHORIZATION,
        feature::TIMEOUTS,
        feature::MAX_REQUEST_BODY,
    ] {
        assert!(route.requires.iter().any(|required| required == feature), "{feature}");
    }
    let methods = route.auth.unwrap().methods;
    let [Some(Method::ApiKey(keys)), Some(Method::Jwt(jwt)), Some(Method::ServiceAccount(account))] =
        [0, 1, 2].map(|at: usize| methods[at].method.clone())
    else {
        panic!("{methods:?}")
    };
    assert_eq!(keys.header, "x-api-key");
    assert_eq!(keys.key_sets, ["consumers/uid-1/keys", "secret/shop/orders-consumers"]);
    assert!(jwt.key_set.starts_with("jwks/"));
    assert_eq!(jwt.forward_claims[0].header, "x-user");
    assert_eq!((account.audience.as_str(), account.key_set.as_str()), ("orders.shop", "cluster"));
    assert_eq!(account.issuer, "https://kubernetes.default.svc");

    let (id, set) = key_sets.iter().next().unwrap();
    assert_eq!((key_sets.len(), id.0.as_str()), (1, "consumers/uid-1/keys"));
    let Some(Keys::Consumers(consumers)) = &set.keys else { panic!("{set:?}") };
    assert_eq!(consumers.consumers[0].sha256[0].len(), 32);
    assert_eq!(consumers.consumers[0].sha256[0][..2], [0x9f, 0x86]);

    assert_eq!((route.rate_limits[0].burst, route.rate_limits[0].interval_ms), (200, 1000));
    assert_eq!((route.rate_limits[1].burst, route.rate_limits[1].interval_ms), (10, 90_000));
    assert_eq!(route.rate_limits[1].keys[2].key, Some(Key::Header("x-tenant".into())));
    assert_eq!(route.concurrency.unwrap().max, 50);
    assert_eq!(route.cors.unwrap().max_age_s, Some(3600));
    let headers = route.request_headers.unwrap();
    assert_eq!((headers.set[0].name.as_str(), headers.set[0].value.as_slice()), ("x-gateway-key", &b"s3cret"[..]));
    assert_eq!(headers.remove, ["cookie"]);
    assert_eq!(route.forward_authorization_as, "x-forwarded-authorization");
    let timeouts = route.timeouts.unwrap();
    assert_eq!((timeouts.first_byte_ms, timeouts.stream_idle_ms), (30_000, 60_000));
    assert_eq!(route.max_request_body, 1 << 20);
}

#[test]
fn a_manifest_without_access_fields_gives_none() {
    let form = access("{}").table_form(&place(), &References::none()).unwrap();
    assert_eq!(form, TableForm::default());
    assert_eq!(access("{}").summary(), "None");
    assert_eq!(access(WHOLE).summary(), "APIKey, JWT, ServiceAccount");
}

#[test]
fn what_a_reference_is_missing_for_is_not_served_without_it() {
    for (yaml, says) in [
        ("{requestHeaders: {set: [{name: x-a, valueFrom: {secretKeyRef: {name: gateway, key: key}}}]}}", "gateway"),
        (
            "{auth: {methods: [{name: pods, type: ServiceAccount, serviceAccount: {allow: [{namespace: a, name: b}]}}]}}",
            "issuer",
        ),
    ] {
        let Err(Unfit::Missing(why)) = access(yaml).table_form(&place(), &References::none()) else { panic!("{yaml}") };
        assert!(why.contains(says), "{why}");
        assert_eq!(judged(yaml), Ok(()), "the manifest itself is right");
    }
}

/// As of a cluster whose CRD is an older one: the schema of this one refuses each.
#[test]
fn what_the_schema_would_refuse_is_refused_here_too_with_field_and_remedy() {
    for (yaml, says) in [
        ("{auth: {methods: []}}", "spec.auth.methods is empty"),
        ("{auth: {methods: [{name: a, type: APIKey}]}}", "apiKey with APIKey"),
        ("{auth: {methods: [{name: a, type: JWT, apiKey: {consumers: []}}]}}", "jwt with JWT"),
        ("{auth: {methods: [{name: a, type: APIKey, apiKey: {}}]}}", "would let nobody in"),
        ("{auth: {methods: [{name: a, type: APIKey, apiKey: {consumers: [{name: web, digests: []}]}}]}}", "no digests"),
        (
            "{auth: {methods: [{name: a, type: APIKey, apiKey: {consumers: [{name: web, digests: [my-key-in-clear]}]}}]}}",
            "a key itself never belongs here",
        ),
        (
            "{auth: {methods: [{name: a, type: APIKey, apiKey: {header: authorization, secretRefs: [{name: s}]}}]}}",
            "choose another name",
        ),
        (
            "{auth: {methods: [{name: a, type: JWT, jwt: {issuer: 'http://idp.example', audiences: [a]}}]}}",
            "issuer must be an https URL",
        ),
        (
            "{auth: {methods: [{name: a, type: JWT, jwt: {issuer: 'https://idp.example', audiences: []}}]}}",
            "audiences is empty",
        ),
        (
            "{auth: {methods: [{name: a, type: JWT, jwt: {issuer: 'https://a', audiences: [a], jwksURI: 'http://a'}}]}}",
            "jwksURI must be an https URL",
        ),
        (
            "{auth: {methods: [{name: a, type: JWT, jwt: {issuer: 'https://a', audiences: [a], requiredClaims: [{claim: s, type: String, anyOf: []}]}}]}}",
            "is empty",
        ),
        ("{auth: {methods: [{name: a, type: ServiceAccount, serviceAccount: {allow: []}}]}}", "allow is empty"),
        (
            "{auth: {methods: [{name: a, type: ServiceAccount, serviceAccount: {audience: sts.amazonaws.com, allow: [{namespace: a, name: b}]}}]}}",
            "opens other doors",
        ),
        (
            "{auth: {methods: [{name: a, type: ServiceAccount, serviceAccount: {audience: 'https://kubernetes.default.svc', allow: [{namespace: a, name: b}]}}]}}",
            "opens other doors",
        ),
        ("{rateLimits: [{name: a, requests: 0, interval: 1s}]}", "at least 1"),
        ("{rateLimits: [{name: a, requests: 1, interval: 1d}]}", "spec.rateLimits[].interval must be a duration"),
        ("{rateLimits: [{name: a, requests: 1, interval: 2h}]}", "spec.rateLimits[].interval must be a duration"),
        ("{rateLimits: [{name: a, requests: 1, interval: 1s, keys: [{type: Consumer}]}]}", "need spec.auth"),
        (
            "{rateLimits: [{name: a, requests: 1, interval: 1s, keys: [{type: Claim, claim: sub}]}]}",
            "need a method of type JWT",
        ),
        ("{rateLimits: [{name: a, requests: 1, interval: 1s, keys: [{type: Header}]}]}", "has its type"),
        ("{rateLimits: [{name: a, requests: 1, interval: 1s}, {name: a, requests: 2, interval: 1s}]}", "twice"),
        ("{concurrency: {max: 0}}", "would let nobody in"),
        ("{cors: {allowOrigins: []}}", "spec.cors.allowOrigins is empty"),
        ("{cors: {allowOrigins: ['*'], allowCredentials: true}}", "browsers take * for nothing"),
        (
            "{cors: {allowOrigins: ['https://a'], maxAge: 500ms}}",
            "spec.cors.maxAge must be a duration of whole seconds",
        ),
        (
            "{cors: {allowOrigins: ['https://a'], maxAge: 1s500ms}}",
            "spec.cors.maxAge must be a duration of whole seconds",
        ),
        ("{sourceRanges: {}}", "spec.sourceRanges is empty"),
        ("{sourceRanges: {allow: []}}", "spec.sourceRanges.allow is empty"),
        ("{sourceRanges: {deny: [10.0.0.1]}}", "spec.sourceRanges.deny: "),
        ("{requestHeaders: {set: [{name: host, value: a}]}}", "choose another name"),
        ("{requestHeaders: {set: [{name: x-a}]}}", "exactly one of value and valueFrom"),
        ("{requestHeaders: {set: [{name: x-a, value: \"a\\r\\nb: c\"}]}}", "printable ASCII"),
        ("{forwardAuthorizationAs: x-amz-date}", "spec.forwardAuthorizationAs: "),
        (
            "{requestHeaders: {set: [{name: X_User, value: a}]}, auth: {methods: [{name: a, type: JWT, jwt: {issuer: 'https://a', audiences: [a], forwardClaims: [{claim: sub, header: x-user}]}}]}}",
            "spec.requestHeaders.set and spec.auth.methods[].jwt.forwardClaims name one header, \"x-user\"",
        ),
        (
            "{requestHeaders: {set: [{name: x-user, value: a}]}, forwardAuthorizationAs: X-User}",
            "spec.requestHeaders.set and spec.forwardAuthorizationAs name one header, \"x-user\"",
        ),
        (
            "{forwardAuthorizationAs: x_user, auth: {methods: [{name: a, type: JWT, jwt: {issuer: 'https://a', audiences: [a], forwardClaims: [{claim: sub, header: x-user}]}}]}}",
            "spec.auth.methods[].jwt.forwardClaims and spec.forwardAuthorizationAs name one header, \"x-user\"",
        ),
        ("{requestHeaders: {set: [{name: x-a, value: a}, {name: x_a, value: b}]}}", "twice"),
        ("{timeouts: {firstByte: 1h}}", "spec.timeouts.firstByte must be a duration"),
        ("{maxRequestBody: 7Mi}", "at most 6Mi"),
        ("{maxRequestBody: '0'}", "at least one byte"),
    ] {
        let message = judged(yaml).expect_err(yaml);
        assert!(message.contains(says), "{yaml}: {message}");
    }
}

#[test]
fn a_digest_that_may_be_a_key_is_not_repeated() {
    let yaml =
        "{auth: {methods: [{name: a, type: APIKey, apiKey: {consumers: [{name: web, digests: [my-key-in-clear]}]}}]}}";
    assert!(!judged(yaml).unwrap_err().contains("my-key-in-clear"));
}

#[test]
fn nothing_that_restricts_callers_stands_beside_a_public_url() {
    for yaml in [
        "{auth: {methods: [{name: a, type: APIKey, apiKey: {secretRefs: [{name: s}]}}]}}",
        "{rateLimits: [{name: a, requests: 1, interval: 1s}]}",
        "{sourceRanges: {allow: [10.0.0.0/8]}}",
    ] {
        let message = access(yaml).judge(AuthType::None, &place(), None).expect_err(yaml);
        assert!(message.contains("authType NONE") && message.contains("AWS_IAM"), "{message}");
    }
    assert_eq!(access("{concurrency: {max: 5}}").judge(AuthType::None, &place(), None), Ok(()));
}

#[test]
fn the_largest_manifest_fits_into_an_annotation_and_a_larger_one_is_told_so() {
    let consumers = |methods: usize| {
        let digests: Vec<String> = (0..8).map(|at| format!("'sha256:{at:064x}'")).collect();
        let consumers: Vec<String> =
            (0..25).map(|at| format!("{{name: consumer-{at}, digests: [{}]}}", digests.join(", "))).collect();
        let methods: Vec<String> = (0..methods)
            .map(|at| format!("{{name: m{at}, type: APIKey, apiKey: {{consumers: [{}]}}}}", consumers.join(", ")))
            .collect();
        access(&format!("{{auth: {{methods: [{}]}}}}", methods.join(", ")))
    };
    let largest = consumers(8);
    assert_eq!(largest.judge(AuthType::AwsIam, &place(), None), Ok(()));
    let bytes = serde_json::json!(largest).to_string().len();
    assert!(bytes > MOST_BYTES * 9 / 10, "{bytes} bytes are not the largest");
    let message = consumers(9).judge(AuthType::AwsIam, &place(), None).unwrap_err();
    assert!(message.contains("spec.auth.methods[].apiKey.secretRefs"), "{message}");
}

#[test]
fn the_digest_says_of_any_change_that_it_is_one() {
    let digest = access(WHOLE).digest();
    assert_eq!(access(WHOLE).digest(), digest);
    assert_eq!(digest.len(), "sha256:".len() + 64);
    for (from, to) in
        [("9f86", "9f87"), ("burst: 200", "burst: 201"), ("10.9.0.0", "10.8.0.0"), ("value: prod", "value: test")]
    {
        assert_ne!(access(&WHOLE.replace(from, to)).digest(), digest, "{to}");
    }
}

#[test]
fn the_spec_gives_every_access_field() {
    let indented = WHOLE.replace('\n', "\n  ");
    let route: LambdaRoute = serde_yaml_ng::from_str(&format!(
        "apiVersion: lambdaroute.dev/v1alpha1\nkind: LambdaRoute\nmetadata: {{name: orders}}\nspec:{indented}"
    ))
    .unwrap();
    assert_eq!(Access::of(&route.spec), access(WHOLE));
}

/// The schema's rule is written in CEL, the proxy's in Rust.
#[test]
fn the_schema_and_the_proxy_refuse_the_same_names_of_headers() {
    for name in [
        "host",
        "authorization",
        "content-length",
        "expect",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "http2-settings",
        "proxy-connection",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-status",
        "forwarded",
        "traceparent",
        "tracestate",
        "x-amz-date",
        "x-amzn-trace-id",
        "x-amz",
        "x-forwarded-for",
        "x-forwarded-authorization",
        "x-forwarded-user",
        "x-lambdaroute-auth",
        "x-lambdaroute",
        "x-api-key",
        "cookie",
        "content-type",
        "x-real-ip",
        "accept",
        "origin",
        "x-tenant",
        "cache-control",
        "date",
    ] {
        for name in [name.to_owned(), name.to_uppercase(), name.replace('-', "_")] {
            let remove = serde_json::json!({"function": {"name": "orders"}, "requestHeaders": {"remove": [name]}});
            let route = LambdaRoute::new("orders", serde_json::from_value(remove).unwrap());
            let refused = kube::core::cel::validate_cel(&route).err();
            let refused = refused.iter().flat_map(|errors| errors.iter());
            let by_schema = refused.filter(|error| error.field_path.ends_with("requestHeaders.remove")).count() == 0;
            assert_eq!(check_header_name(&name).is_ok(), by_schema, "{name}");
        }
    }
}

#[test]
fn a_default_audience_that_opens_other_doors_is_refused_until_one_is_given() {
    let account = |more: &str| {
        access(&format!(
            "{{auth: {{methods: [{{name: a, type: ServiceAccount, serviceAccount: {{{more}allow: [{{namespace: a, name: b}}]}}}}]}}}}"
        ))
    };
    // The Service lambdaroute in the namespace dev: its audience would be the route table's.
    let door = Place { uid: "uid-1".into(), namespace: "dev".into(), service: "lambdaroute".into() };
    let refusal = account("").judge(AuthType::AwsIam, &door, None).unwrap_err();
    assert!(refusal.contains("audience is absent") && refusal.contains("\"lambdaroute.dev\""), "{refusal}");
    assert_eq!(account("audience: mine.dev, ").judge(AuthType::AwsIam, &door, None), Ok(()));
    assert_eq!(account("").judge(AuthType::AwsIam, &place(), None), Ok(()));
    // An API server whose issuer, and so audience, has such a name.
    let refusal = account("").judge(AuthType::AwsIam, &place(), Some("orders.shop")).unwrap_err();
    assert!(refusal.contains("\"orders.shop\""), "{refusal}");
}
