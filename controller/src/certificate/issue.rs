//! Makes keys and certificates. Nothing is written here.

use std::time::Duration;

use lambdaroute_proxy_config::SERVER_NAME;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

use super::Error;
use super::material::Pair;

/// How far a certificate begins in the past, for clocks that are behind; less for short lives.
const BACKDATE: i64 = 300;

/// A CA of its own making.
pub(super) fn ca(now: i64, lifetime: Duration) -> Result<Pair, Error> {
    let mut params = lasting(now, lifetime, i64::MAX);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // The name tells two CAs apart that stand in the ConfigMap together.
    params.distinguished_name.push(DnType::CommonName, format!("LambdaRoute route table CA {now}"));
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// The server's certificate.
pub(super) fn leaf(now: i64, lifetime: Duration, ca: &Pair, ca_ends: i64) -> Result<Pair, Error> {
    let issuer = Issuer::from_ca_cert_pem(&ca.certificate, KeyPair::from_pem(&ca.key)?)?;
    let mut params = lasting(now, lifetime, ca_ends);
    params.subject_alt_names = CertificateParams::new(vec![SERVER_NAME.to_owned()])?.subject_alt_names;
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.distinguished_name.push(DnType::CommonName, SERVER_NAME);
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &issuer)?;
    Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
}

fn lasting(now: i64, lifetime: Duration, latest: i64) -> CertificateParams {
    let lifetime = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX / 4);
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    // rcgen takes times of the crate `time`; its own function saves us that dependency.
    let time = |second: i64| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(u64::try_from(second).unwrap_or(0));
    params.not_before = time(now - BACKDATE.min(lifetime / 10));
    params.not_after = time(now.saturating_add(lifetime).min(latest));
    params
}
