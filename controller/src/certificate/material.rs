//! The certificates and keys as the Secret keeps them, and the CA bundle as the ConfigMap does.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use lambdaroute_proxy_config::SERVER_NAME;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;

use super::renewal::{Facts, Validity};

/// A certificate and its key, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// A key must never reach a log.
impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pair").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// Everything that the Secret has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Material {
    pub(super) ca: Option<Pair>,
    pub(super) next_ca: Option<Pair>,
    pub(super) previous_ca: Option<String>,
    pub(super) leaf: Option<Pair>,
}

impl Material {
    pub(super) fn read(data: &BTreeMap<String, ByteString>) -> Self {
        let text = |name: &str| data.get(name).and_then(|bytes| String::from_utf8(bytes.0.clone()).ok());
        let pair = |certificate: &str, key: &str| Some(Pair { certificate: text(certificate)?, key: text(key)? });
        Self {
            ca: pair("ca.crt", "ca.key"),
            next_ca: pair("next-ca.crt", "next-ca.key"),
            previous_ca: text("previous-ca.crt"),
            leaf: pair("tls.crt", "tls.key"),
        }
    }

    pub(super) fn data(&self) -> BTreeMap<String, ByteString> {
        let mut data = BTreeMap::new();
        let mut put = |name: &str, text: &str| drop(data.insert(name.to_owned(), ByteString(text.into())));
        for (certificate, key, pair) in [
            ("ca.crt", "ca.key", &self.ca),
            ("next-ca.crt", "next-ca.key", &self.next_ca),
            ("tls.crt", "tls.key", &self.leaf),
        ] {
            if let Some(pair) = pair {
                put(certificate, &pair.certificate);
                put(key, &pair.key);
            }
        }
        if let Some(previous) = &self.previous_ca {
            put("previous-ca.crt", previous);
        }
        data
    }

    /// What proxies trust: the CA, the one before it and the one after it.
    pub(super) fn bundle(&self) -> String {
        let previous = self.previous_ca.iter().map(String::as_str);
        let rest = [&self.ca, &self.next_ca].into_iter().flatten().map(|pair| pair.certificate.as_str());
        previous.chain(rest).map(|pem| format!("{}\n", pem.trim_end())).collect()
    }

    /// What there is; `published`: since when `bundle` stands in the ConfigMap.
    pub(super) fn facts(&self, published: Option<i64>) -> Facts {
        let ca = self.ca.as_ref().filter(|pair| rcgen::KeyPair::from_pem(&pair.key).is_ok());
        let leaf = self.leaf.as_ref().zip(ca).filter(|(leaf, ca)| fits(leaf, ca)).map(|(leaf, _)| leaf);
        Facts {
            ca: ca.and_then(|pair| validity(&pair.certificate)),
            next_ca: self.next_ca.as_ref().and_then(|pair| Some((validity(&pair.certificate)?, published))),
            previous_ca: self.previous_ca.as_deref().and_then(validity),
            leaf: leaf.and_then(|pair| validity(&pair.certificate)),
        }
    }
}

/// A certificate's time; None if it can't be read.
pub(super) fn validity(pem: &str) -> Option<Validity> {
    parsed(pem, |certificate| {
        let validity = certificate.validity();
        Some(Validity { not_before: validity.not_before.timestamp(), not_after: validity.not_after.timestamp() })
    })
}

/// The leaf is of this CA, for our name, and its key is its own.
fn fits(leaf: &Pair, ca: &Pair) -> bool {
    let own = crate::server::tls::Shown::default().show(&leaf.certificate, &leaf.key).is_ok();
    let signed = parsed(&leaf.certificate, |leaf| {
        let named = leaf.subject_alternative_name().ok().flatten().is_some_and(|names| {
            names
                .value
                .general_names
                .iter()
                .any(|name| matches!(name, GeneralName::DNSName(name) if *name == SERVER_NAME))
        });
        parsed(&ca.certificate, |ca| (named && leaf.issuer() == ca.subject()).then_some(()))
    });
    own && signed.is_some()
}

fn parsed<T>(pem: &str, read: impl FnOnce(&X509Certificate<'_>) -> Option<T>) -> Option<T> {
    let pem = Pem::iter_from_buffer(pem.as_bytes()).next()?.ok()?;
    read(&pem.parse_x509().ok()?)
}
