//! Who may call a route, how much, and with which headers: that part of a manifest, on its way to the proxies. Pure. It holds
//! references to Secrets, never their values, and can be kept where others may read.

mod auth;
mod limits;
mod references;
mod size;
mod table;

use lambdaroute_crds::{
    Auth, AuthType, Concurrency, Cors, LambdaRouteSpec, RateLimit, RequestHeaders, SourceRanges, Timeouts,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use references::{References, Resolution, SecretValue};
pub use size::MOST_BYTES;
pub use table::{Place, TableForm, Unfit};

/// The fields of a spec that proxies enforce.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Access {
    /// Who may call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// How often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limits: Option<Vec<RateLimit>>,
    /// How many at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// From which origins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors: Option<Cors>,
    /// From which addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ranges: Option<SourceRanges>,
    /// What the function gets besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_headers: Option<RequestHeaders>,
    /// Under which name the caller's Authorization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forward_authorization_as: Option<String>,
    /// How long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<Timeouts>,
    /// How much at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_request_body: Option<String>,
}

impl Access {
    /// Of a manifest.
    pub fn of(spec: &LambdaRouteSpec) -> Self {
        // Destructured whole: a field that is added must be thought of here.
        let LambdaRouteSpec {
            auth,
            rate_limits,
            concurrency,
            cors,
            source_ranges,
            request_headers,
            forward_authorization_as,
            timeouts,
            max_request_body,
            function: _,
            upstream: _,
            permissions: _,
            service: _,
            deletion_policy: _,
            suspend: _,
            authorization: _,
            quotas: _,
            validation: _,
        } = spec.clone();
        Self {
            auth,
            rate_limits,
            concurrency,
            cors,
            source_ranges,
            request_headers,
            forward_authorization_as,
            timeouts,
            max_request_body,
        }
    }

    /// `sha256:` and the digest of everything in it, in hex. What this version doesn't know can't be in it: an annotation that
    /// says more than this version reads has another digest.
    pub fn digest(&self) -> String {
        format!("sha256:{}", hex::encode(Sha256::digest(serde_json::json!(self).to_string())))
    }

    /// The methods' types for people, each once: `APIKey, JWT`. `None`: whoever reaches the Service may call.
    pub fn summary(&self) -> String {
        let methods = self.auth.iter().flat_map(|auth| &auth.methods);
        let types: std::collections::BTreeSet<_> = methods.map(|method| method.type_).collect();
        if types.is_empty() {
            return "None".to_owned();
        }
        types.into_iter().map(|type_| type_.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Whether it can be carried out, as far as the manifest alone says. The schema refuses the same, in a cluster whose CRD is
    /// the one that this was built with.
    ///
    /// # Errors
    /// The field and the remedy.
    pub fn judge(&self, auth_type: AuthType, place: &Place, cluster_issuer: Option<&str>) -> Result<(), String> {
        if auth_type == AuthType::None
            && (self.auth.is_some() || self.rate_limits.is_some() || self.source_ranges.is_some())
        {
            return Err("spec.auth, spec.rateLimits and spec.sourceRanges can't stand beside \
                        spec.upstream.functionURL.authType NONE, with which anybody reaches the function around the proxy: \
                        remove them, or use AWS_IAM"
                .to_owned());
        }
        size::judge(self)?;
        auth::judge_audiences(self.auth.as_ref(), place, cluster_issuer)?;
        limits::judge_keys(self)?;
        self.judge_names()?;
        // References are another matter: they may come true later.
        match self.table_form(place, &References::assumed(self)) {
            Ok(form) => table::validate(form.route),
            Err(Unfit::Wrong(message) | Unfit::Missing(message)) => Err(message),
        }
    }
}

impl Access {
    /// Names that tell one from another.
    fn judge_names(&self) -> Result<(), String> {
        let methods = || self.auth.iter().flat_map(|auth| &auth.methods);
        once("spec.auth.methods", methods().map(|method| &method.name))?;
        once("spec.rateLimits", self.rate_limits.iter().flatten().map(|limit| &limit.name))?;
        methods().filter_map(|method| method.api_key.as_ref()).try_for_each(|keys| {
            once("spec.auth.methods[].apiKey.consumers", keys.consumers.iter().map(|consumer| &consumer.name))
        })
    }
}

fn once<'a>(field: &str, names: impl Iterator<Item = &'a String>) -> Result<(), String> {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        if name.is_empty() || !seen.insert(name) {
            return Err(format!("{field} has the name {name:?} twice, or none: give each a name of its own"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
