//! The closed set of causes of a refusal: the same words in the problem body's type, in `Proxy-Status`, in metric labels
//! and in a proxy's reports. Whose they are decides who must act. `docs/problems.md` is written from it.

/// Who must act on a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Whoever sent the request.
    Caller,
    /// The proxy or its operator.
    Proxy,
    /// AWS, or the AWS account's settings.
    Aws,
    /// The function's code.
    Function,
}

macro_rules! causes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $status:literal, $owner:ident, $title:literal;
       meaning: $meaning:literal;
       caller: $caller:literal;
       operator: $operator:literal;)*) => {
        /// Why a request was not answered by the function itself.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Cause {
            $($(#[$doc])* $variant,)*
        }

        impl Cause {
            /// Every cause.
            pub const ALL: &[Cause] = &[$(Cause::$variant,)*];

            /// The cause's word: metric label, last part of the problem's type URI, `details` of `Proxy-Status`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Cause::$variant => $text,)* }
            }

            /// The HTTP status that a caller sees.
            pub const fn status(self) -> u16 {
                match self { $(Cause::$variant => $status,)* }
            }

            /// Who must act.
            pub const fn owner(self) -> Owner {
                match self { $(Cause::$variant => Owner::$owner,)* }
            }

            /// The problem's title (RFC 9457): the same for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(Cause::$variant => $title,)* }
            }

            /// What has happened, in a sentence or two.
            pub const fn meaning(self) -> &'static str {
                match self { $(Cause::$variant => $meaning,)* }
            }

            /// What whoever sent the request can do.
            pub const fn caller(self) -> &'static str {
                match self { $(Cause::$variant => $caller,)* }
            }

            /// What whoever runs the route or the proxy can do. For docs and logs: callers are never told.
            pub const fn operator(self) -> &'static str {
                match self { $(Cause::$variant => $operator,)* }
            }
        }
    };
}

causes! {
    /// The request can't be forwarded as it is.
    BadRequest = "bad_request", 400, Caller, "The request can't be forwarded";
        meaning: "The request is not one that can be forwarded: its target, method or headers contradict HTTP or \
            what a function URL takes.";
        caller: "Read `detail`, and mend the request. Sending it again unchanged won't help.";
        operator: "Nothing, unless a client library of yours makes such requests.";
    /// No method of the route recognised the caller.
    Unauthenticated = "unauthenticated", 401, Caller, "The caller is not authenticated";
        meaning: "The route has `auth`, and no method recognised the caller: no key or token, an unknown key, or a \
            token that is expired or for somebody else.";
        caller: "Send a valid key or token; `WWW-Authenticate` says what the route takes. Get a new token if yours \
            is old.";
        operator: "Compare the route's `auth.methods` with what the caller sends: issuer, audience, the Secret's \
            keys. `ResolvedRefs` says whether the keys are there.";
    /// The caller is known but not allowed.
    Forbidden = "forbidden", 403, Caller, "The caller is not allowed";
        meaning: "The caller is known, or its address is, and the route doesn't let it in.";
        caller: "Ask whoever runs the route for access.";
        operator: "See `sourceRanges`, `requiredClaims` and `allow` of the route. Behind a load balancer, the \
            proxies must trust it to see the caller's own address.";
    /// The request didn't arrive in time.
    RequestTimeout = "request_timeout", 408, Caller, "The request didn't arrive in time";
        meaning: "The request didn't arrive in time: the caller paused for too long while it sent the body.";
        caller: "Send the request again, without pauses.";
        operator: "Callers over slow links may need a longer `--body-idle-timeout`.";
    /// The body is over the route's limit.
    RequestTooLarge = "request_too_large", 413, Caller, "The request body is too large";
        meaning: "The body is over the route's `maxRequestBody`, or over the 6 MiB that Lambda takes at most.";
        caller: "Send less: Lambda counts a JSON event, in which a binary body takes a third more.";
        operator: "Raise `maxRequestBody`, up to 6Mi. For more, let the function hand out presigned URLs of S3.";
    /// The headers are over the proxy's limit.
    HeadersTooLarge = "headers_too_large", 431, Caller, "The request headers are too large";
        meaning: "The headers are over the proxy's limits of bytes or lines.";
        caller: "Send fewer or shorter headers; cookies are the usual reason.";
        operator: "`--max-header-bytes` and `--max-header-count` of the proxies.";
    /// A rate limit of the route is used up.
    RateLimited = "rate_limited", 429, Caller, "The route's rate limit is used up";
        meaning: "A rate limit of the route is used up. The request took from none of its limits.";
        caller: "Wait as many seconds as `Retry-After` says; `RateLimit` tells which limit it was (`r=0`).";
        operator: "Raise the limit in `rateLimits`, or give callers limits of their own by `keys`. The metric \
            `rate_limited` tells which limit refuses.";
    /// Upgrades (WebSocket, h2c) can't pass a function URL.
    UpgradeUnsupported = "upgrade_unsupported", 501, Caller, "Protocol upgrades are not supported";
        meaning: "The caller asked for another protocol on the connection (WebSocket). Function URLs have none.";
        caller: "Use plain requests, or server-sent events with a function that streams.";
        operator: "Nothing: Lambda can't do it.";
    /// A defect of the proxy.
    Internal = "internal", 500, Proxy, "The proxy failed";
        meaning: "The proxy failed in a way that it shouldn't.";
        caller: "Try again; if it stays, tell whoever runs the route, with the time and the trace id.";
        operator: "Look at the proxy's log at this time, and report it as a defect.";
    /// The proxy has no AWS credentials: it never sends an unsigned request instead.
    NoCredentials = "no_credentials", 503, Proxy, "The proxy has no AWS credentials";
        meaning: "The proxy has no valid AWS credentials, and never sends an unsigned request instead.";
        caller: "Try again later.";
        operator: "Give the proxy's ServiceAccount an IAM role (IRSA or Pod Identity); see `CredentialsReady` and \
            the proxy's log.";
    /// The process is at its limit.
    Overloaded = "overloaded", 503, Proxy, "The proxy is overloaded";
        meaning: "The proxy process is at its limit: the request bodies in flight take all the memory that is for \
            them.";
        caller: "Try again a little later, with pauses that grow.";
        operator: "Give the proxies more memory or `--body-memory`, or run more of them. See the metric \
            `body_memory_bytes`.";
    /// The route's limit of requests in flight is reached.
    ConcurrencyLimited = "concurrency_limited", 503, Proxy, "The route is at its concurrency limit";
        meaning: "As many requests of the route are in flight as `concurrency.max` allows. Nothing is queued, and \
            no rate limit was touched.";
        caller: "Try again a little later, with pauses that grow.";
        operator: "Raise `concurrency.max`, make the function faster, or slow its callers by `rateLimits`.";
    /// The proxy has no such route (any more).
    NotProgrammed = "not_programmed", 503, Proxy, "The route is not programmed";
        meaning: "The proxy has no such route (any more), or its route table is older than it may be.";
        caller: "Try again; the Service leads to proxies that have the route within seconds.";
        operator: "See the route's `Programmed`, and whether the proxies are connected to a controller (metric \
            `controller_connected`).";
    /// Lambda throttled the function.
    LambdaThrottled = "lambda_throttled", 429, Aws, "Lambda throttled the request";
        meaning: "Lambda throttled the function: its concurrency, or the account's, is used up. The proxy doesn't \
            repeat such a request by itself.";
        caller: "Wait as many seconds as `Retry-After` says.";
        operator: "Raise the function's reserved concurrency or the account's quota, or limit the route by \
            `concurrency`.";
    /// The JSON event that Lambda makes of the request is over 6 MB.
    LambdaRequestTooLarge = "lambda_request_too_large", 413, Aws, "The request is too large for Lambda";
        meaning: "The JSON event that Lambda makes of the request is over 6 MB. A binary body counts a third more \
            than its size.";
        caller: "Send less: a binary body fits up to about 4.5 MB.";
        operator: "Lower `maxRequestBody`, so that callers learn it before they send.";
    /// The permission statements don't let the proxy in.
    LambdaAccessDenied = "lambda_access_denied", 502, Aws, "Lambda refused the proxy";
        meaning: "Lambda didn't let the proxy in: a permission statement is missing or not yet effective.";
        caller: "Try again in some seconds; it is repaired by itself.";
        operator: "The function's policy must let the proxies' role do lambda:InvokeFunctionUrl and \
            lambda:InvokeFunction (via a function URL). See `PermissionsReady` and `CredentialsReady`.";
    /// AWS didn't accept the proxy's signature.
    LambdaSignatureRefused = "lambda_signature_refused", 502, Aws, "Lambda refused the proxy's signature";
        meaning: "AWS didn't accept the proxy's signature. It isn't about the caller's own credentials, which \
            never reach AWS.";
        caller: "Try again; if it stays, tell whoever runs the route.";
        operator: "Check the proxies' AWS credentials and the nodes' clocks.";
    /// The function URL doesn't exist (any more).
    FunctionUrlGone = "function_url_gone", 502, Aws, "The function URL does not exist";
        meaning: "The function URL doesn't exist (any more).";
        caller: "Try again in some seconds; it is repaired by itself unless it isn't LambdaRoute's.";
        operator: "The function URL was deleted; see `FunctionURLReady`.";
    /// Lambda answered with a server error of its own.
    LambdaUnavailable = "lambda_unavailable", 503, Aws, "Lambda is unavailable";
        meaning: "Lambda answered with a server error of its own, before or without running the function.";
        caller: "Try again with pauses that grow; the function may have run.";
        operator: "See the AWS Health Dashboard of the Region.";
    /// No connection to the function URL.
    UpstreamUnreachable = "upstream_unreachable", 502, Aws, "The function URL can't be reached";
        meaning: "No connection to the function URL could be made.";
        caller: "Try again later.";
        operator: "Check DNS and the way out to *.lambda-url.*.on.aws on port 443: NetworkPolicy, NAT, proxies.";
    /// The connection to the function URL broke.
    UpstreamReset = "upstream_reset", 502, Aws, "The connection to the function URL broke";
        meaning: "The connection to the function URL broke before the answer was whole. The function may have run.";
        caller: "Try again if the request may run twice.";
        operator: "Look for a NAT or firewall that cuts long connections.";
    /// The function URL didn't answer in time.
    UpstreamTimeout = "upstream_timeout", 504, Aws, "The function URL didn't answer in time";
        meaning: "The function URL didn't answer in time. The function may still run.";
        caller: "Try again if the request may run twice.";
        operator: "Compare `timeouts` of the route with the function's own timeout.";
    /// The function failed: AWS's own 502 for it, kept.
    FunctionError = "function_error", 502, Function, "The function failed";
        meaning: "The function failed: it raised an error, ran out of time or memory, or answered what Lambda \
            can't read. The status is AWS's own.";
        caller: "Tell whoever runs the function; its answer may say more.";
        operator: "Look at the function's log by the request id of AWS.";
}

#[cfg(test)]
mod tests;
