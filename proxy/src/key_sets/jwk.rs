//! One public key of a JWKS (RFC 7517, RFC 7518 section 6, RFC 8037), and what it may verify. Pure.
//!
//! The algorithm is pinned by the key: a token can't choose another than its key is for, and no symmetric one exists here.

use aws_lc_rs::signature::{
    self, EcdsaVerificationAlgorithm, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// The algorithms of signatures that are verified (RFC 7518 section 3.1, RFC 8037, RFC 9864).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    EdDsa,
}

impl Algorithm {
    /// By the name of a token's or key's `alg`. Absent: none that is verified here, as `none` and all of HMAC.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Algorithm::Rs256,
            "RS384" => Algorithm::Rs384,
            "RS512" => Algorithm::Rs512,
            "PS256" => Algorithm::Ps256,
            "PS384" => Algorithm::Ps384,
            "PS512" => Algorithm::Ps512,
            "ES256" => Algorithm::Es256,
            "ES384" => Algorithm::Es384,
            "EdDSA" | "Ed25519" => Algorithm::EdDsa,
            _ => return None,
        })
    }
}

const RSA: [(Algorithm, &RsaParameters); 6] = [
    (Algorithm::Rs256, &signature::RSA_PKCS1_2048_8192_SHA256),
    (Algorithm::Rs384, &signature::RSA_PKCS1_2048_8192_SHA384),
    (Algorithm::Rs512, &signature::RSA_PKCS1_2048_8192_SHA512),
    (Algorithm::Ps256, &signature::RSA_PSS_2048_8192_SHA256),
    (Algorithm::Ps384, &signature::RSA_PSS_2048_8192_SHA384),
    (Algorithm::Ps512, &signature::RSA_PSS_2048_8192_SHA512),
];

/// The bytes of an RSA modulus: 2048 to 8192 bits.
const RSA_MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;

/// A key that verifies.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) id: Option<Box<str>>,
    /// One for each algorithm that the key may be used with.
    verifiers: Box<[(Algorithm, ParsedPublicKey)]>,
}

impl Key {
    /// Whether the key is for this algorithm.
    pub(crate) fn is_for(&self, algorithm: Algorithm) -> bool {
        self.verifiers.iter().any(|(of, _)| *of == algorithm)
    }

    /// Whether this key made the signature, with this algorithm.
    pub(crate) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let verifier = self.verifiers.iter().find(|(of, _)| *of == algorithm);
        verifier.is_some_and(|(_, key)| key.verify_sig(message, signature).is_ok())
    }
}

/// Why a key is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SkippedKey {
    #[error("it isn't a JSON Web Key")]
    Form,
    #[error("its type, curve or algorithm isn't one that is verified here")]
    Kind,
    #[error("it isn't for signatures")]
    Use,
    #[error("it holds a private part: whoever published it must replace it")]
    Private,
    #[error("its numbers make no key, or one that is too small")]
    Numbers,
}

/// What counts of a JWK.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    d: Option<serde::de::IgnoredAny>,
}

impl Key {
    /// # Errors
    /// It can't be used to verify signatures here.
    pub(crate) fn new(jwk: &serde_json::value::RawValue) -> Result<Self, SkippedKey> {
        let jwk: Jwk = serde_json::from_str(jwk.get()).map_err(|_| SkippedKey::Form)?;
        if jwk.purpose.as_deref().is_some_and(|purpose| purpose != "sig")
            || jwk.key_ops.as_ref().is_some_and(|ops| !ops.iter().any(|op| op == "verify"))
        {
            return Err(SkippedKey::Use);
        }
        if jwk.d.is_some() {
            return Err(SkippedKey::Private);
        }
        let pinned = match &jwk.alg {
            Some(name) => Some(Algorithm::of(name).ok_or(SkippedKey::Kind)?),
            None => None,
        };
        let verifiers = verifiers(&jwk, pinned)?;
        if verifiers.is_empty() {
            return Err(SkippedKey::Kind);
        }
        Ok(Key { id: jwk.kid.map(Into::into), verifiers })
    }
}

/// The key for each algorithm that its type has, or for the one that it names.
fn verifiers(jwk: &Jwk, pinned: Option<Algorithm>) -> Result<Box<[(Algorithm, ParsedPublicKey)]>, SkippedKey> {
    let wanted = |algorithm: Algorithm| pinned.is_none_or(|pinned| pinned == algorithm);
    let parsed = |algorithm: Algorithm, by: &'static dyn VerificationAlgorithm, bytes: &[u8]| {
        if !wanted(algorithm) {
            return Err(SkippedKey::Kind);
        }
        let key = ParsedPublicKey::new(by, bytes).map_err(|_| SkippedKey::Numbers)?;
        Ok(Box::from([(algorithm, key)]))
    };
    match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => {
            let (n, e) = (number(&jwk.n)?, number(&jwk.e)?);
            if !RSA_MODULUS.contains(&n.len()) {
                return Err(SkippedKey::Numbers);
            }
            let components = RsaPublicKeyComponents { n, e };
            let keys = RSA.into_iter().filter(|(algorithm, _)| wanted(*algorithm)).map(|(algorithm, by)| {
                let key = components.to_parsed_public_key(by).map_err(|_| SkippedKey::Numbers)?;
                Ok((algorithm, key))
            });
            keys.collect()
        }
        ("EC", Some("P-256")) => {
            let by: &'static EcdsaVerificationAlgorithm = &signature::ECDSA_P256_SHA256_FIXED;
            parsed(Algorithm::Es256, by, &point(jwk, 32)?)
        }
        ("EC", Some("P-384")) => {
            let by: &'static EcdsaVerificationAlgorithm = &signature::ECDSA_P384_SHA384_FIXED;
            parsed(Algorithm::Es384, by, &point(jwk, 48)?)
        }
        ("OKP", Some("Ed25519")) => parsed(Algorithm::EdDsa, &signature::ED25519, &bytes(&jwk.x)?),
        _ => Err(SkippedKey::Kind),
    }
}

/// An uncompressed point (SEC 1 section 2.3.3).
fn point(jwk: &Jwk, length: usize) -> Result<Vec<u8>, SkippedKey> {
    let (x, y) = (bytes(&jwk.x)?, bytes(&jwk.y)?);
    if x.len() != length || y.len() != length {
        return Err(SkippedKey::Numbers);
    }
    Ok([&[4], x.as_slice(), y.as_slice()].concat())
}

/// Without the leading zeros that some issuers send.
fn number(text: &Option<String>) -> Result<Vec<u8>, SkippedKey> {
    let bytes = bytes(text)?;
    let start = bytes.iter().position(|&byte| byte != 0).ok_or(SkippedKey::Numbers)?;
    Ok(bytes[start..].to_vec())
}

fn bytes(text: &Option<String>) -> Result<Vec<u8>, SkippedKey> {
    let text = text.as_deref().ok_or(SkippedKey::Form)?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| SkippedKey::Form)
}
