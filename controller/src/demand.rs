//! What a route demands of its target in AWS: how the URL is to be, who writes it, and whom the policy is to let in. Pure. What
//! a manifest leaves open under Adopt and Observe is as found; nothing is ever made public that no grant names.

use std::collections::BTreeSet;

use lambdaroute_crds::{
    AuthType, FunctionUrlManagement, InvokeMode, LambdaRouteSpec, Permission, PermissionGrant, PermissionsManagement,
};
use serde::{Deserialize, Serialize};

use crate::observation::{UrlCors, UrlSettings};
use crate::policy::{Conditions, Grantee};

/// A grant as a manifest names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NamedGrant {
    /// In `spec.permissions.grants`.
    pub name: String,
    /// Who is let in.
    pub grantee: Grantee,
}

/// What a route demands of a target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Demand {
    /// Who writes the URL config.
    pub management: FunctionUrlManagement,
    /// None: as found.
    pub auth_type: Option<AuthType>,
    /// None: as found.
    pub invoke_mode: Option<InvokeMode>,
    /// None: as found.
    pub cors: Option<UrlCors>,
    /// Whether the policy is written.
    pub permissions: PermissionsManagement,
    /// Who is let in besides the proxies.
    pub grants: BTreeSet<NamedGrant>,
    /// The manifest restricts callers at the proxy, which a public URL leads around.
    pub private: bool,
}

impl Demand {
    /// What a manifest demands.
    pub fn of(spec: &LambdaRouteSpec) -> Self {
        let url = spec.upstream.as_ref().and_then(|upstream| upstream.function_url.clone()).unwrap_or_default();
        let management = url.management.unwrap_or_default();
        let cors = url.cors.as_ref().map(UrlCors::of);
        let permissions = spec.permissions.clone().unwrap_or_default();
        let made = management == FunctionUrlManagement::Managed;
        Self {
            management,
            auth_type: url.auth_type.or(made.then(AuthType::default)),
            invoke_mode: url.invoke_mode.or(made.then(InvokeMode::default)),
            cors: cors.or(made.then(UrlCors::default)),
            permissions: permissions.management.unwrap_or_default(),
            grants: permissions.grants.unwrap_or_default().into_iter().map(named).collect(),
            private: spec.auth.is_some() || spec.rate_limits.is_some() || spec.source_ranges.is_some(),
        }
    }

    /// These settings and nothing else, managed.
    pub fn exactly(settings: &UrlSettings) -> Self {
        let UrlSettings { auth_type, invoke_mode, cors } = settings.clone();
        Self { auth_type: Some(auth_type), invoke_mode: Some(invoke_mode), cors: Some(cors), ..Self::default() }
    }

    /// What can't be carried out. The CRD's rules say it first; this is for a cluster whose CRD isn't the one this was built with.
    ///
    /// # Errors
    /// The field and the remedy.
    pub fn judge(&self) -> Result<(), String> {
        let public = self.grants.iter().any(|grant| grant.grantee.principal == "*");
        let none = self.auth_type == Some(AuthType::None);
        if none && !public {
            return Err("spec.upstream.functionURL.authType NONE needs a grant with principal * in \
                        spec.permissions.grants: nothing is made public without being said"
                .to_owned());
        }
        if public && !none {
            return Err("spec.permissions.grants[].principal * lets anybody in, which goes with \
                        spec.upstream.functionURL.authType NONE only: name a principal"
                .to_owned());
        }
        if self.permissions == PermissionsManagement::Observe && self.management == FunctionUrlManagement::Managed {
            return Err(
                "spec.permissions.management Observe needs spec.upstream.functionURL.management Adopt or Observe"
                    .to_owned(),
            );
        }
        if self.cors.as_ref().is_some_and(|cors| *cors != UrlCors::default()) && !none {
            return Err("spec.upstream.functionURL.cors goes with authType NONE only: use spec.cors".to_owned());
        }
        for NamedGrant { name, grantee } in &self.grants {
            grantee.judge().map_err(|what| format!("spec.permissions.grants[{name}].{what}"))?;
        }
        Ok(())
    }

    /// Whether these settings are what is demanded.
    pub fn admits(&self, settings: &UrlSettings) -> bool {
        self.fill(settings) == *settings
    }

    /// What is demanded, and what it leaves open as here.
    pub fn fill(&self, found: &UrlSettings) -> UrlSettings {
        UrlSettings {
            auth_type: self.auth_type.unwrap_or(found.auth_type),
            invoke_mode: self.invoke_mode.unwrap_or(found.invoke_mode),
            cors: self.cors.clone().unwrap_or_else(|| found.cors.clone()),
        }
    }

    /// Whether what is programmed is what is demanded, whom it lets in and who writes it included.
    pub fn met_by(&self, programmed: &Demand) -> bool {
        let Self { management, auth_type, invoke_mode, cors, permissions, grants, private: _ } = self;
        *management == programmed.management
            && *permissions == programmed.permissions
            && *grants == programmed.grants
            && (auth_type.is_none() || *auth_type == programmed.auth_type)
            && (invoke_mode.is_none() || *invoke_mode == programmed.invoke_mode)
            && (cors.is_none() || *cors == programmed.cors)
    }

    /// Whether some grant is for others than the proxies, by name. `*` is another matter: it is what makes a URL public.
    pub fn lets_others_in(&self) -> bool {
        self.grants.iter().any(|grant| grant.grantee.principal != "*")
    }

    /// What of a LambdaAccessPolicy's permissions it takes, and leaves in AWS until it is taken back. A URL that is only used as
    /// it was found is nobody's doing here.
    pub fn permissions_used(&self) -> BTreeSet<Permission> {
        let said = self.grants.iter().any(|grant| grant.grantee.principal == "*");
        let made = self.auth_type == Some(AuthType::None) && self.management == FunctionUrlManagement::Managed;
        [(said || made, Permission::PublicURL), (self.lets_others_in(), Permission::Grants)]
            .into_iter()
            .filter_map(|(used, permission)| used.then_some(permission))
            .collect()
    }

    /// Whether a URL of this auth type would lead around what the manifest asks of callers.
    pub fn evaded_by(&self, auth_type: AuthType) -> bool {
        self.private && auth_type == AuthType::None
    }
}

fn named(grant: PermissionGrant) -> NamedGrant {
    let PermissionGrant { name, principal, source_arn, source_account, principal_org_id } = grant;
    NamedGrant {
        name,
        grantee: Grantee { principal, conditions: Conditions { source_arn, source_account, principal_org_id } },
    }
}

#[cfg(test)]
mod tests;
