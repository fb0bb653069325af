//! The closed set of causes of a refusal: the same words in the problem body's type, in `Proxy-Status`, in metric labels
//! and in a proxy's reports. Whose they are decides who must act.

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
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $status:literal, $owner:ident, $title:literal;)*) => {
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
        }
    };
}

causes! {
    /// The request can't be forwarded as it is.
    BadRequest = "bad_request", 400, Caller, "The request can't be forwarded";
    /// No method of the route recognised the caller.
    Unauthenticated = "unauthenticated", 401, Caller, "The caller is not authenticated";
    /// The caller is known but not allowed.
    Forbidden = "forbidden", 403, Caller, "The caller is not allowed";
    /// The request didn't arrive in time.
    RequestTimeout = "request_timeout", 408, Caller, "The request didn't arrive in time";
    /// The body is over the route's limit.
    RequestTooLarge = "request_too_large", 413, Caller, "The request body is too large";
    /// The headers are over the proxy's limit.
    HeadersTooLarge = "headers_too_large", 431, Caller, "The request headers are too large";
    /// A rate limit of the route is used up.
    RateLimited = "rate_limited", 429, Caller, "The route's rate limit is used up";
    /// Upgrades (WebSocket, h2c) can't pass a function URL.
    UpgradeUnsupported = "upgrade_unsupported", 501, Caller, "Protocol upgrades are not supported";
    /// A defect of the proxy.
    Internal = "internal", 500, Proxy, "The proxy failed";
    /// The proxy has no AWS credentials: it never sends an unsigned request instead.
    NoCredentials = "no_credentials", 503, Proxy, "The proxy has no AWS credentials";
    /// The process is at its limit.
    Overloaded = "overloaded", 503, Proxy, "The proxy is overloaded";
    /// The route's limit of requests in flight is reached.
    ConcurrencyLimited = "concurrency_limited", 503, Proxy, "The route is at its concurrency limit";
    /// The proxy has no such route (any more).
    NotProgrammed = "not_programmed", 503, Proxy, "The route is not programmed";
    /// Lambda throttled the function.
    LambdaThrottled = "lambda_throttled", 429, Aws, "Lambda throttled the request";
    /// The JSON event that Lambda makes of the request is over 6 MB.
    LambdaRequestTooLarge = "lambda_request_too_large", 413, Aws, "The request is too large for Lambda";
    /// The permission statements don't let the proxy in.
    LambdaAccessDenied = "lambda_access_denied", 502, Aws, "Lambda refused the proxy";
    /// AWS didn't accept the proxy's signature.
    LambdaSignatureRefused = "lambda_signature_refused", 502, Aws, "Lambda refused the proxy's signature";
    /// The function URL doesn't exist (any more).
    FunctionUrlGone = "function_url_gone", 502, Aws, "The function URL does not exist";
    /// Lambda answered with a server error of its own.
    LambdaUnavailable = "lambda_unavailable", 503, Aws, "Lambda is unavailable";
    /// No connection to the function URL.
    UpstreamUnreachable = "upstream_unreachable", 502, Aws, "The function URL can't be reached";
    /// The connection to the function URL broke.
    UpstreamReset = "upstream_reset", 502, Aws, "The connection to the function URL broke";
    /// The function URL didn't answer in time.
    UpstreamTimeout = "upstream_timeout", 504, Aws, "The function URL didn't answer in time";
    /// The function failed: AWS's own 502 for it, kept.
    FunctionError = "function_error", 502, Function, "The function failed";
}

#[cfg(test)]
mod tests;
