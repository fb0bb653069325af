//! Who may expose what: what LambdaAccessPolicies let a namespace do with a function. Pure. No policy at all: ordinary use
//! everywhere, nothing else anywhere; nothing at all where one is required. As soon as there is one: only what some policy says.
//! A policy that can't be read counts, and allows nothing. An operator may allow everything by a flag; then it doesn't matter
//! what policies say.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{Selector, SelectorExt};
use lambdaroute_crds::{LambdaAccessPolicy, LambdaAccessPolicySpec, Permission};

use crate::access_policy::pattern::FunctionPattern;
use crate::target::FunctionTarget;

pub mod pattern;

/// A namespace's labels.
pub type Labels = BTreeMap<String, String>;

/// What a route does with its function besides ordinary use: all that a judgement needs to know of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demands {
    /// The function URL lets anybody in.
    pub public_url: bool,
    /// A function URL that exists is taken over.
    pub adopt: bool,
    /// Other principals than the proxies are let in.
    pub grants: bool,
}

impl Demands {
    /// The permissions that it takes.
    fn permissions(self) -> impl Iterator<Item = Permission> {
        let Self { public_url, adopt, grants } = self;
        [(public_url, Permission::PublicURL), (adopt, Permission::Adopt), (grants, Permission::Grants)]
            .into_iter()
            .filter_map(|(demanded, permission)| demanded.then_some(permission))
    }
}

/// What the policies say of a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is allowed.
    Permitted,
    /// There are policies, and the namespace's labels aren't known yet: nothing new is begun, nothing is taken back.
    Unknown,
    /// No policy lets the namespace use the function at all.
    Denied,
    /// Ordinary use is allowed, this isn't.
    Lacks(Permission),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Policy {
    /// None: nobody.
    namespaces: Option<Selector>,
    functions: Vec<FunctionPattern>,
    allow: BTreeSet<Permission>,
}

impl Policy {
    /// An empty selector is nobody, as it is for the API server: a misspelt field must not open the account.
    fn of(policy: &LambdaAccessPolicy) -> Self {
        let LambdaAccessPolicySpec { namespace_selector, functions, allow } = &policy.spec;
        let selector = Selector::try_from(LabelSelector::from(namespace_selector.clone())).ok();
        Self {
            namespaces: selector.filter(|selector| !selector.selects_all()),
            functions: functions.iter().filter_map(|pattern| FunctionPattern::parse(pattern)).collect(),
            allow: allow.iter().flatten().copied().collect(),
        }
    }

    fn is_about(&self, labels: &Labels, target: &FunctionTarget) -> bool {
        self.namespaces.as_ref().is_some_and(|namespaces| namespaces.matches(labels))
            && self.functions.iter().any(|pattern| pattern.matches(target))
    }
}

/// All policies and the labels of the namespaces, as last seen. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessPolicies {
    allow_all: bool,
    /// Without any policy nobody may do anything.
    required: bool,
    policies: Arc<Vec<Policy>>,
    namespaces: Arc<HashMap<String, Labels>>,
}

impl AccessPolicies {
    /// The same, where everybody may do everything if so told.
    #[must_use]
    pub fn allowing_all(self, allow_all: bool) -> Self {
        Self { allow_all, ..self }
    }

    /// The same, where nobody may do anything for as long as there is no policy, if so told.
    #[must_use]
    pub fn requiring_one(self, required: bool) -> Self {
        Self { required, ..self }
    }

    /// The same namespaces under these policies.
    #[must_use]
    pub fn with_policies<'a>(self, policies: impl IntoIterator<Item = &'a LambdaAccessPolicy>) -> Self {
        Self { policies: Arc::new(policies.into_iter().map(Policy::of).collect()), ..self }
    }

    /// The same policies for these namespaces.
    #[must_use]
    pub fn with_namespaces(self, namespaces: impl IntoIterator<Item = (String, Labels)>) -> Self {
        Self { namespaces: Arc::new(namespaces.into_iter().collect()), ..self }
    }

    /// The same, where a namespace has these labels now, or is gone.
    #[must_use]
    pub fn with_namespace(mut self, name: &str, labels: Option<Labels>) -> Self {
        if self.namespaces.get(name) != labels.as_ref() {
            let namespaces = Arc::make_mut(&mut self.namespaces);
            match labels {
                Some(labels) => namespaces.insert(name.to_owned(), labels),
                None => namespaces.remove(name),
            };
        }
        self
    }

    /// What a namespace may do with a function. Each thing may come from another policy.
    pub fn judge(&self, namespace: &str, target: &FunctionTarget, demands: Demands) -> Verdict {
        if self.allow_all {
            return Verdict::Permitted;
        }
        let labels = self.namespaces.get(namespace);
        let allowed: BTreeSet<Permission> = match labels {
            _ if self.policies.is_empty() && self.required => return Verdict::Denied,
            _ if self.policies.is_empty() => BTreeSet::new(),
            None => return Verdict::Unknown,
            Some(labels) => {
                let mut about = self.policies.iter().filter(|policy| policy.is_about(labels, target)).peekable();
                if about.peek().is_none() {
                    return Verdict::Denied;
                }
                about.flat_map(|policy| policy.allow.iter().copied()).collect()
            }
        };
        match demands.permissions().find(|permission| !allowed.contains(permission)) {
            Some(permission) => Verdict::Lacks(permission),
            None => Verdict::Permitted,
        }
    }
}

/// The policies, as far as they are about one namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceRights {
    policies: AccessPolicies,
    namespace: String,
}

impl NamespaceRights {
    /// Of a namespace.
    pub fn new(policies: AccessPolicies, namespace: String) -> Self {
        Self { policies, namespace }
    }

    /// What it may do with a function.
    pub fn judge(&self, target: &FunctionTarget, demands: Demands) -> Verdict {
        self.policies.judge(&self.namespace, target, demands)
    }
}

#[cfg(test)]
mod tests;
