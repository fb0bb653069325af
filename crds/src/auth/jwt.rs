//! JSON Web Tokens of an identity provider.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::header_name;

/// Bearer tokens in `Authorization` (RFC 7519), signed with RS, PS, ES or EdDSA keys of the issuer. `exp` and `nbf` are held to
/// with 60 seconds of leeway.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("self.issuer.matches('^https://[^/?#@\\\\s]+(/[^?#\\\\s]*)?$')", "spec.auth.methods[].jwt.issuer must be an https URL without query and fragment, exactly as the tokens' iss says it"),
    validation = ("!has(self.jwksURI) || self.jwksURI.matches('^https://[^/?#@\\\\s]+([/?][^#\\\\s]*)?$')", "spec.auth.methods[].jwt.jwksURI must be an https URL: the keys decide who gets in")
)]
pub struct Jwt {
    /// The issuer, an https URL, exactly as `iss` of the tokens says it. At most 512 characters.
    #[schemars(length(min = 1, max = 512))]
    pub issuer: String,

    /// One of these must be in `aud` of a token. One to 16.
    #[schemars(length(max = 16), inner(length(min = 1, max = 256)), extend("x-kubernetes-list-type" = "set"))]
    #[x_kube(
        validation = ("self.size() > 0", "spec.auth.methods[].jwt.audiences is empty: name the audience that tokens for this route have; without one, tokens for others would get in")
    )]
    pub audiences: Vec<String>,

    /// Where the issuer's keys are (RFC 7517), an https URL of at most 1024 characters. Absent: from the issuer's discovery
    /// document (`<issuer>/.well-known/openid-configuration`). The controller fetches it; proxies never do.
    #[serde(default, rename = "jwksURI", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub jwks_uri: Option<String>,

    /// What a token must say besides: all of these. At most 16. Absent: nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 16), extend("x-kubernetes-list-type" = "atomic"))]
    pub required_claims: Vec<RequiredClaim>,

    /// Claims that the function reads in headers. At most 16. A header of that name from the caller is removed first. Not one
    /// of `requestHeaders.set`, nor `forwardAuthorizationAs`. Absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["header"])
    )]
    #[x_kube(
        validation = header_name::once("spec.auth.methods[].jwt.forwardClaims", ".header")
    )]
    pub forward_claims: Vec<ForwardClaim>,
}

/// A claim that a token must have.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("self.type != 'Boolean' || self.anyOf.all(value, value == 'true' || value == 'false')", "spec.auth.methods[].jwt.requiredClaims[].anyOf must be 'true' or 'false' (in quotes) with type Boolean")
)]
pub struct RequiredClaim {
    /// The claim's name, at the top level of the token.
    #[schemars(length(min = 1, max = 128))]
    pub claim: String,

    /// How the claim is written. String: it is the value, or a number that is written so. StringList: a list that contains it.
    /// SpaceDelimited: words parted by spaces, as OAuth's `scope`. Boolean: true or false.
    #[serde(rename = "type")]
    pub type_: ClaimType,

    /// One of these must be there. One to 32.
    #[schemars(length(max = 32), inner(length(min = 1, max = 256)), extend("x-kubernetes-list-type" = "set"))]
    #[x_kube(
        validation = ("self.size() > 0", "spec.auth.methods[].jwt.requiredClaims[].anyOf is empty: give the values that get in, or remove the claim")
    )]
    pub any_of: Vec<String>,
}

/// How the claim is written. String: it is the value, or a number that is written so. StringList: a list that contains it.
/// SpaceDelimited: words parted by spaces, as OAuth's `scope`. Boolean: true or false.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum ClaimType {
    /// It is the value.
    String,
    /// A list that contains it.
    StringList,
    /// Words parted by spaces.
    SpaceDelimited,
    /// True or false.
    Boolean,
}

/// A claim that the function reads in a header.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ForwardClaim {
    /// The claim's name, at the top level of the token.
    #[schemars(length(min = 1, max = 128))]
    pub claim: String,

    /// The header.
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = header_name::rule("spec.auth.methods[].jwt.forwardClaims[].header"))]
    pub header: String,
}
