//! What routes refer to, where that comes from, and which routes use it. Maps and names, nothing else. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use lambdaroute_crds::{Auth, AuthMethod, Jwt, RequestHeaders};

use crate::index::Name;
use crate::programming::KeySetId;

/// A Secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretName {
    /// Its namespace: the route's.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Whose public keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Issuer {
    /// Those at a URL that a manifest gives.
    At(String),
    /// Those of an issuer, by its discovery document.
    Discovered(String),
    /// The cluster's own, for tokens of ServiceAccounts.
    Cluster,
}

/// As a subject of a sentence.
impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Issuer::At(url) => f.write_str(url),
            Issuer::Discovered(issuer) => write!(f, "the issuer {issuer}"),
            Issuer::Cluster => f.write_str("the cluster's API server"),
        }
    }
}

/// What a route refers to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Need {
    /// The API keys in a Secret.
    ApiKeys(SecretName),
    /// One value in a Secret, for a header: its data key.
    Value(SecretName, String),
    /// Public keys.
    Keys(Issuer),
}

/// Where it comes from: what changes as one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// A Secret, whatever is used of it.
    Secret(SecretName),
    /// An issuer's keys.
    Issuer(Issuer),
}

impl Need {
    /// Where it comes from.
    pub fn source(&self) -> Source {
        match self {
            Need::ApiKeys(secret) | Need::Value(secret, _) => Source::Secret(secret.clone()),
            Need::Keys(issuer) => Source::Issuer(issuer.clone()),
        }
    }

    /// All of a manifest of this namespace, by the fields that refer to something.
    pub fn of(namespace: &str, auth: Option<&Auth>, headers: Option<&RequestHeaders>) -> BTreeSet<Self> {
        let secret = |name: &str| SecretName { namespace: namespace.to_owned(), name: name.to_owned() };
        let methods = auth.iter().flat_map(|auth| &auth.methods);
        let of_methods = methods.flat_map(|AuthMethod { name: _, type_: _, api_key, jwt, service_account }| {
            let secrets = api_key.iter().flat_map(|it| &it.secret_refs).map(|it| Need::ApiKeys(secret(&it.name)));
            let issuer = jwt.as_ref().map(|Jwt { issuer, jwks_uri, .. }| match jwks_uri {
                Some(url) => Issuer::At(url.clone()),
                None => Issuer::Discovered(issuer.clone()),
            });
            let cluster = service_account.as_ref().map(|_| Issuer::Cluster);
            secrets.chain(issuer.into_iter().chain(cluster).map(Need::Keys)).collect::<Vec<_>>()
        });
        let values = headers.iter().flat_map(|headers| &headers.set).filter_map(|set| {
            let reference = &set.value_from.as_ref()?.secret_key_ref;
            Some(Need::Value(secret(&reference.name), reference.key.clone()))
        });
        of_methods.chain(values).collect()
    }

    /// The key set that it is given to proxies as. None: a value is a part of its route.
    pub fn key_set(&self) -> Option<KeySetId> {
        match self {
            Need::ApiKeys(SecretName { namespace, name }) => Some(KeySetId::secret(namespace, name)),
            Need::Keys(Issuer::At(url)) => Some(KeySetId::jwks("", Some(url))),
            Need::Keys(Issuer::Discovered(issuer)) => Some(KeySetId::jwks(issuer, None)),
            Need::Keys(Issuer::Cluster) => Some(KeySetId::cluster()),
            Need::Value(..) => None,
        }
    }
}

/// What is used of a Secret: nothing else of it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Its API keys.
    pub api_keys: bool,
    /// These data keys.
    pub values: BTreeSet<String>,
}

/// The needs of all routes.
#[derive(Debug, Default)]
pub struct Needs {
    by_route: BTreeMap<Name, BTreeSet<Need>>,
    by_need: BTreeMap<Need, BTreeSet<Name>>,
}

impl Needs {
    /// A route refers to these now. Answers the sources whose uses may have changed.
    pub fn set(&mut self, route: &Name, needs: BTreeSet<Need>) -> BTreeSet<Source> {
        let before = self.by_route.get(route).cloned().unwrap_or_default();
        if before == needs {
            return BTreeSet::new();
        }
        for need in before.difference(&needs) {
            if let Some(routes) = self.by_need.get_mut(need) {
                routes.remove(route);
                if routes.is_empty() {
                    self.by_need.remove(need);
                }
            }
        }
        for need in needs.difference(&before) {
            self.by_need.entry(need.clone()).or_default().insert(route.clone());
        }
        let changed = before.symmetric_difference(&needs).map(Need::source).collect();
        if needs.is_empty() {
            self.by_route.remove(route);
        } else {
            self.by_route.insert(route.clone(), needs);
        }
        changed
    }

    /// Whether any route needs this.
    pub fn has(&self, need: &Need) -> bool {
        self.by_need.contains_key(need)
    }

    /// The routes that use a source.
    pub fn users(&self, source: &Source) -> BTreeSet<Name> {
        let uses = self.by_need.iter().filter(|(need, _)| need.source() == *source);
        uses.flat_map(|(_, routes)| routes.iter().cloned()).collect()
    }

    /// What is used of a Secret. None: nothing.
    pub fn uses(&self, secret: &SecretName) -> Option<Uses> {
        let mut uses = Uses { api_keys: self.has(&Need::ApiKeys(secret.clone())), values: BTreeSet::new() };
        let values = self.by_need.range(Need::Value(secret.clone(), String::new())..);
        for (need, _) in values {
            match need {
                Need::Value(of, key) if of == secret => {
                    uses.values.insert(key.clone());
                }
                _ => break,
            }
        }
        (uses != Uses::default()).then_some(uses)
    }

    /// The Secrets of a namespace that are used.
    pub fn secrets(&self, namespace: &str) -> BTreeSet<SecretName> {
        let secrets = self.by_need.keys().filter_map(|need| match need.source() {
            Source::Secret(secret) if secret.namespace == namespace => Some(secret),
            _ => None,
        });
        secrets.collect()
    }

    /// The namespaces of the routes that use an issuer's keys.
    pub fn namespaces(&self, issuer: &Issuer) -> BTreeSet<&str> {
        let users = self.by_need.get(&Need::Keys(issuer.clone())).into_iter().flatten();
        users.map(|(namespace, _)| namespace.as_str()).collect()
    }

    /// Whose keys are used.
    pub fn issuers(&self) -> BTreeSet<Issuer> {
        let issuers = self.by_need.keys().filter_map(|need| match need {
            Need::Keys(issuer) => Some(issuer.clone()),
            Need::ApiKeys(_) | Need::Value(..) => None,
        });
        issuers.collect()
    }
}

#[cfg(test)]
mod tests;
