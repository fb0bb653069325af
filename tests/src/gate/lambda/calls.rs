//! Calls of function URLs: AWS's front door. The signature is verified, both statements are asked for, and the function
//! gets the path as it was sent.

use std::sync::PoisonError;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

use super::policy::admits;
use super::{LambdaRules, changed, collected, refusal};
use crate::credentials::Identity;
use crate::gate::call::Seen;
use crate::gate::connection::{Body, streaming, whole};
use crate::gate::operation::{Target, url_id};
use crate::gate::upstream::Lane;

/// First segments of paths that the emulator answers itself, whatever the Host.
const EMULATORS_OWN: [&str; 15] = [
    "health",
    "ready",
    "oauth2",
    "login",
    "logout",
    "iceberg",
    "v2",
    "v20180820",
    "Execute",
    "BeginTransaction",
    "CommitTransaction",
    "RollbackTransaction",
    "BatchExecute",
    "WriteGetObjectResponse",
    "2015-03-31",
];

impl LambdaRules {
    pub(super) async fn call(&self, seen: &Seen, lane: &mut Lane) -> anyhow::Result<Response<Body>> {
        let id = url_id(seen.host()).unwrap_or_default();
        let Some((target, auth_type)) = self.resolve(id).await? else { return Ok(whole(refusal::no_such_url())) };
        let Some(statements) = self.policy(&target).await? else { return Ok(whole(refusal::no_such_url())) };
        let signer = if auth_type == "NONE" {
            None
        } else {
            match self.signer(seen) {
                Ok(signer) => Some(signer),
                Err(refused) => return Ok(whole(refusal::signature(&refused))),
            }
        };
        let by_identity = signer.as_ref().is_some_and(|signer| signer.may_invoke);
        let principal = signer.as_ref().map(|signer| signer.arn.as_str());
        if !by_identity && !admits(&statements, principal, &auth_type) {
            return Ok(whole(refusal::not_authorized()));
        }
        let answer = if reaches_the_function(&seen.path) {
            lane.send(seen.request()?).await?
        } else {
            self.send_by_path(seen, id, signer.as_ref(), lane).await?
        };
        // A failed function answers 502 in either; only the words differ.
        if answer.status() == StatusCode::BAD_GATEWAY { failed(answer).await.map(whole) } else { Ok(streaming(answer)) }
    }

    /// Through the emulator's other address of a URL, which takes any path. Its path is decoded once on arrival, so
    /// what was sent is encoded once more, and the function sees it as it was sent.
    async fn send_by_path(
        &self,
        seen: &Seen,
        id: &str,
        signer: Option<&Identity>,
        lane: &mut Lane,
    ) -> anyhow::Result<Response<hyper::body::Incoming>> {
        let query = if seen.query.is_empty() { String::new() } else { format!("?{}", seen.query) };
        let target = format!("/_aws/lambda-url/{id}{}{query}", seen.path.replace('%', "%25"));
        let mut request = changed(seen, &target, seen.body.clone())?;
        request.headers_mut().insert(http::header::HOST, "emulator".parse()?);
        if let Some(signer) = signer {
            // The emulator takes dot segments out before it verifies, and keeps them for the function.
            let sent = request.uri().clone();
            *request.uri_mut() = format!("{}{query}", without_dot_segments(sent.path())).parse()?;
            let now = std::time::SystemTime::now();
            crate::signature::sign(&mut request, &signer.credentials, "lambda", &self.region, now)?;
            *request.uri_mut() = sent;
        }
        lane.send(request).await
    }

    /// The function behind a URL's id, and its AuthType now.
    async fn resolve(&self, id: &str) -> anyhow::Result<Option<(Target, String)>> {
        let known = self.urls.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        if let Some(target) = known {
            let config = self.config(&target).await?;
            return Ok(config.filter(|config| has_id(config, id)).map(|config| (target, auth_type(&config))));
        }
        let functions = self.ask("/2015-03-31/functions?MaxItems=10000").await?.unwrap_or_default();
        for function in functions["Functions"].as_array().into_iter().flatten() {
            let function = function["FunctionName"].as_str().unwrap_or_default().to_owned();
            for qualifier in self.qualifiers(&function).await? {
                let target = Target { function: function.clone(), qualifier };
                if let Some(config) = self.config(&target).await? {
                    self.remember_url(&config, &target);
                    if has_id(&config, id) {
                        return Ok(Some((target, auth_type(&config))));
                    }
                }
            }
        }
        Ok(None)
    }

    async fn config(&self, target: &Target) -> anyhow::Result<Option<Value>> {
        let query = target.qualifier.as_ref().map(|alias| format!("?Qualifier={alias}")).unwrap_or_default();
        self.ask(&format!("/2021-10-31/functions/{}/url{query}", target.function)).await
    }
}

/// As the emulator does it, which merges slashes too.
fn without_dot_segments(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            ".." => drop(kept.pop()),
            "" | "." => {}
            other => kept.push(other),
        }
    }
    let end = if path.ends_with('/') && !kept.is_empty() { "/" } else { "" };
    format!("/{}{end}", kept.join("/"))
}

fn has_id(config: &Value, id: &str) -> bool {
    config["FunctionUrl"].as_str().is_some_and(|url| url.starts_with(&format!("https://{id}.")))
}

fn auth_type(config: &Value) -> String {
    config["AuthType"].as_str().unwrap_or("AWS_IAM").to_owned()
}

/// Whether the emulator gives a path to the function, and unchanged.
fn reaches_the_function(path: &str) -> bool {
    let plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte));
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    plain
        && !first.starts_with('_')
        && !EMULATORS_OWN.contains(&first)
        && !path.contains("//")
        && !path.split('/').any(|segment| segment == "." || segment == ".." || segment == ".well-known")
}

/// AWS's answer for a function that failed. A function's own 502 stays as it is.
async fn failed(answer: Response<hyper::body::Incoming>) -> anyhow::Result<Response<Bytes>> {
    let answer = collected(answer).await?;
    let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let emulators = body.get("errorType").is_some() || body["message"] == "Internal Server Error";
    Ok(if emulators { answer.map(|_| Bytes::from_static(b"Internal Server Error")) } else { answer })
}

#[cfg(test)]
mod tests {
    use super::reaches_the_function;

    #[test]
    fn paths_that_the_emulator_would_answer_or_change_take_the_other_way() {
        for path in ["/", "/v1/items", "/orders/7/~x.json"] {
            assert!(reaches_the_function(path), "{path}");
        }
        for path in ["/health", "/_ministack/reset", "/a%20b", "//a", "/a/../b", "/v2/x", "/pool/.well-known/jwks.json"]
        {
            assert!(!reaches_the_function(path), "{path}");
        }
    }
}
