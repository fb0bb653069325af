//! Wrong access fields, each with the message that says what to do, and right ones. What is wrong in two ways is told once for
//! each.

/// The part of a message about a header that nobody may name.
const RESERVED: &str = "must be the name of a header that isn't reserved";

/// Below `spec`, beside a function: YAML, and a part of the message that refuses it.
pub(super) const WRONG: &[(&str, &str)] = &[
    // auth
    ("auth: {}", "spec.auth.methods: Required value"),
    ("auth: {methods: []}", "spec.auth.methods is empty, which would let nobody in"),
    ("auth: {methods: [{name: a}]}", "spec.auth.methods[0].type: Required value"),
    ("auth: {methods: [{name: a, type: Basic}]}", "supported values: \"APIKey\", \"JWT\", \"ServiceAccount\""),
    (
        "auth: {methods: [{name: a, type: APIKey}]}",
        "apiKey with APIKey, jwt with JWT, serviceAccount with ServiceAccount",
    ),
    (
        "auth: {methods: [{name: a, type: JWT, apiKey: {secretRefs: [{name: s}]}}]}",
        "apiKey with APIKey, jwt with JWT, serviceAccount with ServiceAccount",
    ),
    (
        "auth: {methods: [{name: A b, type: APIKey, apiKey: {secretRefs: [{name: s}]}}]}",
        "spec.auth.methods[].name must be a label",
    ),
    (
        "auth: {methods: [{name: a, type: APIKey, apiKey: {secretRefs: [{name: s}]}}, {name: a, type: APIKey, apiKey: {secretRefs: [{name: s}]}}]}",
        "spec.auth.methods[1]: Duplicate value",
    ),
    ("auth: {methods: [{name: a, type: APIKey, apiKey: {}}]}", "give consumers or secretRefs"),
    (
        "auth: {methods: [{name: a, type: APIKey, apiKey: {consumers: []}}]}",
        "apiKey.consumers in body should have at least 1 items",
    ),
    (
        "auth: {methods: [{name: a, type: APIKey, apiKey: {secretRefs: [{name: My_Secret}]}}]}",
        "must be the name of a Secret in the route's namespace",
    ),
    ("auth: {methods: [{name: a, type: APIKey, apiKey: {header: Authorization, secretRefs: [{name: s}]}}]}", RESERVED),
    ("auth: {methods: [{name: a, type: APIKey, apiKey: {header: 'x key', secretRefs: [{name: s}]}}]}", RESERVED),
    (
        "auth: {methods: [{name: a, type: APIKey, apiKey: {consumers: [{name: 'web shop', digests: ['sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08']}]}}]}",
        "consumers[].name must be of letters, digits, -, _ and .",
    ),
    (
        "auth: {methods: [{name: a, type: APIKey, apiKey: {consumers: [{name: web, digests: []}]}}]}",
        "digests is empty: give the digest of a key, or remove the consumer",
    ),
    (
        "auth: {methods: [{name: a, type: APIKey, apiKey: {consumers: [{name: web, digests: [my-key-in-clear]}]}}]}",
        "a key itself never belongs here",
    ),
    (
        "auth: {methods: [{name: a, type: APIKey, apiKey: {consumers: [{name: web, digests: ['sha256:9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08']}]}}]}",
        "digests must be sha256: and 64 hex digits in lower case",
    ),
    (
        "auth: {methods: [{name: a, type: APIKey, apiKey: {consumers: [{name: web}]}}]}",
        "consumers[0].digests: Required value",
    ),
    (
        "auth: {methods: [{name: a, type: JWT, jwt: {issuer: 'http://idp.example', audiences: [a]}}]}",
        "spec.auth.methods[].jwt.issuer must be an https URL",
    ),
    (
        "auth: {methods: [{name: a, type: JWT, jwt: {issuer: 'https://idp.example?x=1', audiences: [a]}}]}",
        "spec.auth.methods[].jwt.issuer must be an https URL",
    ),
    ("auth: {methods: [{name: a, type: JWT, jwt: {issuer: 'https://idp.example'}}]}", "jwt.audiences: Required value"),
    (
        "auth: {methods: [{name: a, type: JWT, jwt: {issuer: 'https://idp.example', audiences: []}}]}",
        "audiences is empty: name the audience",
    ),
    (
        "auth: {methods: [{name: a, type: JWT, jwt: {issuer: 'https://idp.example', audiences: [a], jwksURI: 'http://idp.example/jwks.json'}}]}",
        "jwksURI must be an https URL: the keys decide who gets in",
    ),
    (
        "auth: {methods: [{name: a, type: JWT, jwt: {issuer: 'https://idp.example', audiences: [a], requiredClaims: [{claim: scope, type: SpaceDelimited, anyOf: []}]}}]}",
        "anyOf is empty: give the values that get in",
    ),
    (
        "auth: {methods: [{name: a, type: JWT, jwt: {issuer: 'https://idp.example', audiences: [a], requiredClaims: [{claim: admin, type: Boolean, anyOf: ['yes']}]}}]}",
        "anyOf must be 'true' or 'false' (in quotes) with type Boolean",
    ),
    (
        "auth: {methods: [{name: a, type: JWT, jwt: {issuer: 'https://idp.example', audiences: [a], requiredClaims: [{claim: admin, type: Number, anyOf: ['1']}]}}]}",
        "supported values: \"String\", \"StringList\", \"SpaceDelimited\", \"Boolean\"",
    ),
    (
        "auth: {methods: [{name: a, type: JWT, jwt: {issuer: 'https://idp.example', audiences: [a], forwardClaims: [{claim: sub, header: x-lambdaroute-consumer}]}}]}",
        RESERVED,
    ),
    (
        "auth: {methods: [{name: a, type: JWT, jwt: {issuer: 'https://idp.example', audiences: [a], forwardClaims: [{claim: sub, header: x-user}, {claim: email, header: X-User}]}}]}",
        "forwardClaims names a header twice",
    ),
    ("auth: {methods: [{name: a, type: ServiceAccount, serviceAccount: {}}]}", "serviceAccount.allow: Required value"),
    (
        "auth: {methods: [{name: a, type: ServiceAccount, serviceAccount: {allow: []}}]}",
        "allow is empty, which would let nobody in: name a ServiceAccount",
    ),
    (
        "auth: {methods: [{name: a, type: ServiceAccount, serviceAccount: {allow: [{namespace: web, name: 'check*'}]}}]}",
        "allow[].name must be a ServiceAccount's name, or * for any of the namespace",
    ),
    (
        "auth: {methods: [{name: a, type: ServiceAccount, serviceAccount: {allow: [{namespace: '*', name: checkout}]}}]}",
        "allow[].namespace must be a namespace's name",
    ),
    (
        "auth: {methods: [{name: a, type: ServiceAccount, serviceAccount: {audience: sts.amazonaws.com, allow: [{namespace: web, name: checkout}]}}]}",
        "audience opens other doors with the same token",
    ),
    (
        "auth: {methods: [{name: a, type: ServiceAccount, serviceAccount: {audience: lambdaroute.dev, allow: [{namespace: web, name: checkout}]}}]}",
        "audience opens other doors with the same token",
    ),
    (
        "auth: {methods: [{name: a, type: ServiceAccount, serviceAccount: {audience: 'https://kubernetes.default.svc.cluster.local', allow: [{namespace: web, name: checkout}]}}]}",
        "audience opens other doors with the same token",
    ),
    // A public URL goes around the proxy.
    (
        "upstream: {type: FunctionURL, functionURL: {authType: NONE}}, auth: {methods: [{name: a, type: APIKey, apiKey: {secretRefs: [{name: s}]}}]}",
        "can't stand beside spec.upstream.functionURL.authType NONE",
    ),
    (
        "upstream: {type: FunctionURL, functionURL: {authType: NONE}}, rateLimits: [{name: a, requests: 1, interval: 1s}]",
        "can't stand beside spec.upstream.functionURL.authType NONE",
    ),
    (
        "upstream: {type: FunctionURL, functionURL: {authType: NONE}}, sourceRanges: {allow: [10.0.0.0/8]}",
        "can't stand beside spec.upstream.functionURL.authType NONE",
    ),
    // rateLimits, concurrency
    ("rateLimits: []", "spec.rateLimits in body should have at least 1 items"),
    ("rateLimits: [{name: a, interval: 1s}]", "spec.rateLimits[0].requests: Required value"),
    ("rateLimits: [{name: a, requests: 0, interval: 1s}]", "requests in body should be greater than or equal to 1"),
    ("rateLimits: [{name: a, requests: 1}]", "spec.rateLimits[0].interval: Required value"),
    (
        "rateLimits: [{name: a, requests: 1, interval: 1d}]",
        "spec.rateLimits[].interval must be a duration from 1s to 1h, such as 30s or 1m30s",
    ),
    ("rateLimits: [{name: a, requests: 1, interval: 999ms}]", "interval must be a duration from 1s to 1h"),
    ("rateLimits: [{name: a, requests: 1, interval: 1h1s}]", "interval must be a duration from 1s to 1h"),
    ("rateLimits: [{name: a, requests: 1, interval: 60}]", "interval: Invalid value: \"integer\""),
    (
        "rateLimits: [{name: a, requests: 1, interval: 1s, burst: 0}]",
        "burst in body should be greater than or equal to 1",
    ),
    ("rateLimits: [{name: a b, requests: 1, interval: 1s}]", "spec.rateLimits[].name must be a label"),
    (
        "rateLimits: [{name: a, requests: 1, interval: 1s}, {name: a, requests: 2, interval: 1m}]",
        "spec.rateLimits[1]: Duplicate value",
    ),
    (
        "rateLimits: [{name: a, requests: 1, interval: 1s, keys: [{type: Consumer}]}]",
        "keys of type Consumer need spec.auth",
    ),
    (
        "rateLimits: [{name: a, requests: 1, interval: 1s, keys: [{type: Claim, claim: sub}]}], auth: {methods: [{name: a, type: APIKey, apiKey: {secretRefs: [{name: s}]}}]}",
        "keys of type Claim need a method of type JWT",
    ),
    (
        "rateLimits: [{name: a, requests: 1, interval: 1s, keys: [{type: Header}]}]",
        "header with Header, claim with Claim",
    ),
    (
        "rateLimits: [{name: a, requests: 1, interval: 1s, keys: [{type: SourceIP, header: x-tenant}]}]",
        "header with Header, claim with Claim",
    ),
    (
        "rateLimits: [{name: a, requests: 1, interval: 1s, keys: [{type: SourceIP}, {type: SourceIP}]}]",
        "spec.rateLimits[].keys names a key twice",
    ),
    ("rateLimits: [{name: a, requests: 1, interval: 1s, keys: [{type: Header, header: x-forwarded-for}]}]", RESERVED),
    ("concurrency: {}", "spec.concurrency.max: Required value"),
    ("concurrency: {max: 0}", "spec.concurrency.max in body should be greater than or equal to 1"),
    // cors
    ("cors: {}", "spec.cors.allowOrigins: Required value"),
    ("cors: {allowOrigins: []}", "spec.cors.allowOrigins is empty"),
    ("cors: {allowOrigins: [shop.example]}", "spec.cors.allowOrigins must be origins as browsers send them"),
    ("cors: {allowOrigins: ['https://shop.example/']}", "spec.cors.allowOrigins must be origins as browsers send them"),
    ("cors: {allowOrigins: ['https://*.example']}", "spec.cors.allowOrigins must be origins as browsers send them"),
    ("cors: {allowOrigins: ['*'], allowCredentials: true}", "with allowCredentials browsers take * for nothing"),
    (
        "cors: {allowOrigins: ['https://shop.example'], allowCredentials: true, allowHeaders: ['*']}",
        "with allowCredentials browsers take * for nothing",
    ),
    ("cors: {allowOrigins: ['*'], allowMethods: [put]}", "spec.cors.allowMethods must be methods in capitals"),
    ("cors: {allowOrigins: ['*'], allowHeaders: ['a b']}", "spec.cors.allowHeaders must be names of headers"),
    ("cors: {allowOrigins: ['*'], exposeHeaders: ['a:']}", "spec.cors.exposeHeaders must be names of headers"),
    ("cors: {allowOrigins: ['*'], maxAge: 500ms}", "spec.cors.maxAge must be a duration of whole seconds"),
    ("cors: {allowOrigins: ['*'], maxAge: 25h}", "spec.cors.maxAge must be a duration of whole seconds from 0s to 24h"),
    ("cors: {allowOrigins: ['*', '*']}", "spec.cors.allowOrigins[1]: Duplicate value"),
    // sourceRanges
    ("sourceRanges: {}", "spec.sourceRanges is empty: give allow or deny"),
    ("sourceRanges: {allow: []}", "spec.sourceRanges.allow is empty, which would let nobody in"),
    ("sourceRanges: {deny: []}", "spec.sourceRanges.deny is empty"),
    ("sourceRanges: {allow: [10.0.0.1]}", "spec.sourceRanges.allow must be CIDR blocks such as 10.0.0.0/8"),
    ("sourceRanges: {allow: [10.0.0.1/8]}", "no bits set behind the prefix"),
    ("sourceRanges: {deny: ['2001:db8::/129']}", "spec.sourceRanges.deny must be CIDR blocks"),
    ("sourceRanges: {allow: [office]}", "spec.sourceRanges.allow must be CIDR blocks"),
    // requestHeaders, forwardAuthorizationAs
    ("requestHeaders: {}", "spec.requestHeaders is empty: give set or remove"),
    ("requestHeaders: {set: [{name: x-a}]}", "give exactly one of spec.requestHeaders.set[].value and valueFrom"),
    (
        "requestHeaders: {set: [{name: x-a, value: b, valueFrom: {secretKeyRef: {name: s, key: k}}}]}",
        "give exactly one of spec.requestHeaders.set[].value and valueFrom",
    ),
    (
        "requestHeaders: {set: [{name: x-a, valueFrom: {secretKeyRef: {name: s, key: 'k/1'}}}]}",
        "secretKeyRef.key must be a key of the Secret",
    ),
    ("requestHeaders: {set: [{name: X-Amz-Date, value: b}]}", RESERVED),
    ("requestHeaders: {set: [{name: transfer_encoding, value: b}]}", RESERVED),
    (
        "requestHeaders: {set: [{name: x-a, value: \"b\\r\\nhost: c\"}]}",
        "spec.requestHeaders.set[].value must be printable ASCII",
    ),
    (
        "requestHeaders: {set: [{name: x-a, value: b}, {name: X-A, value: c}]}",
        "spec.requestHeaders.set names a header twice",
    ),
    (
        "requestHeaders: {set: [{name: x-a, value: b}, {name: X_A, value: c}]}",
        "spec.requestHeaders.set names a header twice",
    ),
    (
        "requestHeaders: {set: [{name: X_User, value: b}]}, auth: {methods: [{name: a, type: JWT, jwt: {issuer: 'https://idp.example', audiences: [a], forwardClaims: [{claim: sub, header: x-user}]}}]}",
        "spec.requestHeaders.set and spec.auth.methods[].jwt.forwardClaims name one header",
    ),
    (
        "requestHeaders: {set: [{name: x-user, value: b}]}, forwardAuthorizationAs: X-User",
        "spec.requestHeaders.set and spec.forwardAuthorizationAs name one header",
    ),
    (
        "forwardAuthorizationAs: x_user, auth: {methods: [{name: a, type: JWT, jwt: {issuer: 'https://idp.example', audiences: [a], forwardClaims: [{claim: sub, header: x-user}]}}]}",
        "spec.auth.methods[].jwt.forwardClaims and spec.forwardAuthorizationAs name one header",
    ),
    ("requestHeaders: {set: [{name: x-a, value: b}], remove: [X-A]}", "names a header in set and in remove"),
    ("requestHeaders: {remove: [host]}", RESERVED),
    ("requestHeaders: {remove: [cookie, Cookie]}", "spec.requestHeaders.remove names a header twice"),
    ("forwardAuthorizationAs: authorization", RESERVED),
    ("forwardAuthorizationAs: x-forwarded-for", RESERVED),
    // timeouts, maxRequestBody
    ("timeouts: {}", "spec.timeouts is empty: give firstByte or streamIdle"),
    ("timeouts: {firstByte: 16m}", "spec.timeouts.firstByte must be a duration from 100ms to 15m5s"),
    ("timeouts: {firstByte: 0s}", "spec.timeouts.firstByte must be a duration from 100ms to 15m5s"),
    ("timeouts: {streamIdle: 1.5s}", "spec.timeouts.streamIdle must be a duration from 100ms to 15m5s"),
    ("timeouts: {request: 30s}", "unknown field \"spec.timeouts.request\""),
    ("maxRequestBody: 7Mi", "spec.maxRequestBody must be a size of at least one byte and at most 6Mi"),
    ("maxRequestBody: '0'", "spec.maxRequestBody must be a size of at least one byte and at most 6Mi"),
    ("maxRequestBody: 1.5Mi", "spec.maxRequestBody must be a size"),
    ("maxRequestBody: 1048576", "spec.maxRequestBody: Invalid value: \"integer\""),
];

/// Below `spec`, beside a function: the forms that users write.
pub(super) const RIGHT: &[&str] = &[
    "auth: {methods: [{name: keys, type: APIKey, apiKey: {secretRefs: [{name: orders-consumers}]}}]}",
    "auth: {methods: [{name: keys, type: APIKey, apiKey: {header: X-Api-Key, consumers: [{name: web, digests: ['sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08']}]}}]}",
    "auth: {methods: [{name: idp, type: JWT, jwt: {issuer: 'https://idp.example/realms/shop', audiences: [orders], jwksURI: 'https://idp.example/jwks.json', requiredClaims: [{claim: scope, type: SpaceDelimited, anyOf: ['orders:write']}, {claim: admin, type: Boolean, anyOf: ['true']}], forwardClaims: [{claim: sub, header: x-user}]}}]}",
    "auth: {methods: [{name: pods, type: ServiceAccount, serviceAccount: {audience: orders.shop, allow: [{namespace: web, name: checkout}, {namespace: jobs, name: '*'}]}}]}",
    "rateLimits: [{name: everyone, requests: 100, interval: 1s, burst: 200, keys: []}, {name: tenant, requests: 10, interval: 1m30s, keys: [{type: SourceIP}, {type: Header, header: x-tenant}]}], concurrency: {max: 50}",
    "auth: {methods: [{name: idp, type: JWT, jwt: {issuer: 'https://idp.example', audiences: [orders]}}]}, rateLimits: [{name: each, requests: 10, interval: 1h, keys: [{type: Consumer}, {type: Claim, claim: sub}]}]",
    "cors: {allowOrigins: ['https://shop.example', 'http://localhost:3000', 'http://[::1]:8080'], allowMethods: [GET, PUT], allowHeaders: [content-type, authorization], exposeHeaders: [x-total], allowCredentials: true, maxAge: 1h}",
    "cors: {allowOrigins: ['*'], allowMethods: ['*'], allowHeaders: ['*'], exposeHeaders: ['*'], maxAge: 0s}",
    "sourceRanges: {allow: [10.0.0.0/8, '2001:db8::/32'], deny: [10.9.0.0/16, 192.0.2.7/32]}",
    "requestHeaders: {set: [{name: x-gateway-key, valueFrom: {secretKeyRef: {name: gateway, key: key}}}, {name: x-stage, value: prod}, {name: x-empty, value: ''}], remove: [cookie]}, forwardAuthorizationAs: x-forwarded-authorization",
    // Only one method recognises a caller; what the caller says in a header is removed whoever sets it then.
    "auth: {methods: [{name: a, type: JWT, jwt: {issuer: 'https://idp.example', audiences: [a], forwardClaims: [{claim: sub, header: x-user}]}}, {name: b, type: JWT, jwt: {issuer: 'https://other.example', audiences: [a], forwardClaims: [{claim: email, header: X-User}]}}]}, requestHeaders: {set: [{name: x-stage, value: prod}], remove: [x-user]}, forwardAuthorizationAs: x-token",
    "timeouts: {firstByte: 15m5s, streamIdle: 100ms}, maxRequestBody: 6Mi",
    "upstream: {type: FunctionURL, functionURL: {authType: NONE}}, permissions: {grants: [{name: all, principal: '*'}]}, concurrency: {max: 5}, cors: {allowOrigins: ['*']}, maxRequestBody: 512Ki",
];
