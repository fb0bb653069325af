//! What the operator can do about a cause, for the log. Never told to callers.

use lambdaroute_proxy_config::cause::Cause;

/// Empty: there is nothing to do but to look at the route.
pub(crate) const fn remedy(cause: Cause) -> &'static str {
    match cause {
        Cause::LambdaAccessDenied => {
            "the function's policy must let the proxies' role do lambda:InvokeFunctionUrl and lambda:InvokeFunction (via a \
             function URL); see the condition PermissionsReady of the LambdaRoute"
        }
        Cause::LambdaSignatureRefused => "check the proxy's AWS credentials and the node's clock",
        Cause::FunctionUrlGone => "the function URL was deleted; see the condition FunctionURLReady of the LambdaRoute",
        Cause::LambdaThrottled => "raise the function's concurrency, or limit the route",
        Cause::NoCredentials => "give the proxy's ServiceAccount an IAM role; see the log of its credentials",
        Cause::UpstreamUnreachable => "check DNS and the way out to *.lambda-url.*.on.aws on port 443",
        _ => "",
    }
}
