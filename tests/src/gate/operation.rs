//! What a request means to AWS: the operation, by method and path, and the function that it names. Pure.
//! Source of the paths: the Lambda API's service model, 2015-03-31.

use http::{HeaderMap, Method, header};
use percent_encoding::percent_decode_str;

/// Operations that tests speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// GetFunction.
    GetFunction,
    /// GetFunctionConfiguration.
    GetFunctionConfiguration,
    /// DeleteFunction.
    DeleteFunction,
    /// DeleteAlias.
    DeleteAlias,
    /// GetFunctionUrlConfig.
    GetFunctionUrlConfig,
    /// CreateFunctionUrlConfig.
    CreateFunctionUrlConfig,
    /// UpdateFunctionUrlConfig.
    UpdateFunctionUrlConfig,
    /// DeleteFunctionUrlConfig.
    DeleteFunctionUrlConfig,
    /// ListFunctionUrlConfigs.
    ListFunctionUrlConfigs,
    /// GetPolicy.
    GetPolicy,
    /// AddPermission.
    AddPermission,
    /// RemovePermission.
    RemovePermission,
    /// Invoke, through the API.
    Invoke,
    /// A call of a function URL.
    CallFunctionUrl,
    /// Anything of STS.
    Sts,
    /// Anything else.
    Other,
}

impl Operation {
    /// Whether it changes something that the controller keeps.
    pub fn is_write(self) -> bool {
        matches!(
            self,
            Self::CreateFunctionUrlConfig
                | Self::UpdateFunctionUrlConfig
                | Self::DeleteFunctionUrlConfig
                | Self::AddPermission
                | Self::RemovePermission
        )
    }
}

/// A function, with its alias if one is named.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// The bare name.
    pub function: String,
    /// The alias or version, from the query or the name's suffix.
    pub qualifier: Option<String>,
}

const TOKEN_CALL: &[u8] = b"Action=AssumeRoleWithWebIdentity";

/// Reads method, path, query, headers and body.
pub(super) fn operation(
    method: &Method,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> (Operation, Option<Target>) {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if url_id(text(header::HOST)).is_some() {
        return (Operation::CallFunctionUrl, None);
    }
    // AssumeRoleWithWebIdentity isn't signed: the token proves who asks.
    let web_identity = path == "/" && body.windows(TOKEN_CALL.len()).any(|window| window == TOKEN_CALL);
    if web_identity || text(header::AUTHORIZATION).contains("/sts/aws4_request") {
        return (Operation::Sts, None);
    }
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (["2015-03-31" | "2021-10-31", "functions", name, rest @ ..], true) = (&parts[..], parts.len() > 2) else {
        return (Operation::Other, None);
    };
    let operation = match (method.as_str(), rest) {
        ("GET", []) => Operation::GetFunction,
        ("DELETE", []) => Operation::DeleteFunction,
        ("GET", ["configuration"]) => Operation::GetFunctionConfiguration,
        ("DELETE", ["aliases", _]) => Operation::DeleteAlias,
        ("GET", ["url"]) => Operation::GetFunctionUrlConfig,
        ("POST", ["url"]) => Operation::CreateFunctionUrlConfig,
        ("PUT", ["url"]) => Operation::UpdateFunctionUrlConfig,
        ("DELETE", ["url"]) => Operation::DeleteFunctionUrlConfig,
        ("GET", ["urls"]) => Operation::ListFunctionUrlConfigs,
        ("GET", ["policy"]) => Operation::GetPolicy,
        ("POST", ["policy"]) => Operation::AddPermission,
        ("DELETE", ["policy", _]) => Operation::RemovePermission,
        ("POST", ["invocations"]) => Operation::Invoke,
        _ => Operation::Other,
    };
    (operation, Some(target(&percent_decode_str(name).decode_utf8_lossy(), query)))
}

/// A name, `name:alias`, partial ARN or ARN, with the qualifier of the query.
fn target(name: &str, query: &str) -> Target {
    let parts: Vec<&str> = name.split(':').collect();
    let (function, suffix) = match &parts[..] {
        ["arn", _, "lambda", _, _, "function", function, rest @ ..] => (*function, rest.first()),
        [_, "function", function, rest @ ..] => (*function, rest.first()),
        [function, rest @ ..] => (*function, rest.first()),
        [] => ("", None),
    };
    let qualifier = url::form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == "Qualifier")
        .map(|(_, value)| value.into_owned())
        .or_else(|| suffix.map(|suffix| (*suffix).to_owned()));
    Target { function: function.to_owned(), qualifier }
}

/// The id in a function URL's host, `<id>.lambda-url.<region>.on.aws`, with or without a port.
pub(super) fn url_id(host: &str) -> Option<&str> {
    let (id, rest) = host.split_once('.')?;
    let name = rest.rsplit_once(':').map_or(rest, |(name, _)| name);
    (name.starts_with("lambda-url.") && name.ends_with(".on.aws") && !id.is_empty()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: Method, target: &str, host: &'static str) -> (Operation, Option<Target>) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = HeaderMap::from_iter([(header::HOST, http::HeaderValue::from_static(host))]);
        operation(&method, path, query, &headers, b"")
    }

    #[test]
    fn an_operation_is_named_with_its_function_and_alias() {
        let orders = |qualifier: Option<&str>| {
            Some(Target { function: "orders".into(), qualifier: qualifier.map(str::to_owned) })
        };
        let arn = "arn%3Aaws%3Alambda%3Aeu-west-1%3A111122223333%3Afunction%3Aorders";
        let cases = [
            (Method::GET, "/2021-10-31/functions/orders/url".to_owned(), Operation::GetFunctionUrlConfig, None),
            (
                Method::PUT,
                format!("/2021-10-31/functions/{arn}/url?Qualifier=PROD"),
                Operation::UpdateFunctionUrlConfig,
                Some("PROD"),
            ),
            (
                Method::POST,
                format!("/2015-03-31/functions/{arn}%3APROD/policy"),
                Operation::AddPermission,
                Some("PROD"),
            ),
            (
                Method::DELETE,
                "/2015-03-31/functions/orders/policy/a?RevisionId=x".to_owned(),
                Operation::RemovePermission,
                None,
            ),
            (Method::GET, "/2015-03-31/functions/orders".to_owned(), Operation::GetFunction, None),
        ];
        for (method, path, operation, qualifier) in cases {
            assert_eq!(read(method, &path, "127.0.0.1:1"), (operation, orders(qualifier)), "{path}");
        }
    }

    #[test]
    fn a_call_of_a_function_url_is_told_by_its_host_whatever_its_path() {
        let seen = read(Method::GET, "/2021-10-31/functions/orders/url", "abc.lambda-url.eu-west-1.on.aws");
        assert_eq!(seen, (Operation::CallFunctionUrl, None));
        assert_eq!(url_id("abc.lambda-url.eu-west-1.on.aws:443"), Some("abc"));
        assert_eq!(url_id("lambda.eu-west-1.amazonaws.com"), None);
    }
}
