//! What a route's proxies were last told, kept on its Service: a new leader knows it without AWS, and a suspended or disputed
//! route goes on with it. Pure. Whoever may edit Services may write it, so it is believed only where status, which the
//! controller alone writes, says the same host and the same digest of the access fields.

use std::collections::BTreeSet;

use lambdaroute_crds::{AuthType, FunctionUrlManagement, InvokeMode, LambdaRoute, PermissionsManagement, TargetState};
use lambdaroute_proxy_config::{feature, v1alpha1};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::access::{Access, References, TableForm, Unfit};
use crate::assess::{Assessment, place};
use crate::demand::{Demand, NamedGrant};
use crate::intent::{deleting, key, lost_permission, recorded, suspended};
use crate::observation::{UrlConfig, UrlCors, UrlSettings, host_of};
use crate::programming::{DesiredRoute, RouteId, ServiceRef};
use crate::step::RouteKey;
use crate::target::FunctionTarget;
use crate::view::TargetView;

/// The annotation on the Service.
pub const ANNOTATION: &str = "lambdaroute.dev/programmed";

/// One route as proxies serve it, but for names and port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Programmed {
    /// What is signed.
    pub host: String,
    /// To sign for.
    pub region: String,
    /// Who gets in.
    pub auth_type: AuthType,
    /// How it answers.
    pub invoke_mode: InvokeMode,
    /// The qualified function.
    #[serde(rename = "functionARN")]
    pub function_arn: String,
    /// What browsers may do at the URL itself.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cors: UrlCors,
    /// Who writes the URL config.
    #[serde(default, skip_serializing_if = "is_default")]
    pub management: FunctionUrlManagement,
    /// Whether the policy is written.
    #[serde(default, skip_serializing_if = "is_default")]
    pub permissions: PermissionsManagement,
    /// Who is let in by the policy besides the proxies.
    #[serde(default, skip_serializing_if = "is_default")]
    pub grants: BTreeSet<NamedGrant>,
    /// Who may call, how much, and with which headers.
    #[serde(default)]
    pub access: Access,
    /// The cluster's issuer of ServiceAccount tokens, where a method needs it: a new leader may not know it at once.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cluster_issuer: Option<String>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What of an annotation is believed, besides target and host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trust {
    /// The digest that this leader wrote last, before status said so too.
    pub written: Option<String>,
    /// The manifest's own access fields, if they can be carried out: they hold where the annotation's aren't believed.
    pub manifest: Option<Access>,
}

impl Programmed {
    /// What AWS answered for a target. None if the URL has no host.
    pub fn new(target: &FunctionTarget, url: &UrlConfig, demand: &Demand, access: Access) -> Option<Self> {
        Some(Self {
            host: url.host()?,
            region: target.region.clone(),
            auth_type: url.settings.auth_type,
            invoke_mode: url.settings.invoke_mode,
            function_arn: target.arn(),
            cors: url.settings.cors.clone(),
            management: demand.management,
            permissions: demand.permissions,
            grants: demand.grants.clone(),
            access,
            cluster_issuer: None,
        })
    }

    /// The URL's settings.
    pub fn settings(&self) -> UrlSettings {
        UrlSettings { auth_type: self.auth_type, invoke_mode: self.invoke_mode, cors: self.cors.clone() }
    }

    /// What is carried out in AWS for it.
    pub fn demand(&self) -> Demand {
        Demand {
            management: self.management,
            permissions: self.permissions,
            grants: self.grants.clone(),
            ..Demand::exactly(&self.settings())
        }
    }

    /// SHA-256 of all of it, for status.
    pub fn digest(&self) -> String {
        format!("sha256:{}", hex::encode(Sha256::digest(self.annotation())))
    }

    /// Reads the annotation. None where it can't be believed: whoever may edit Services may write it, so target and host
    /// must be those of `status.targets`, and the rest as a digest that the controller knows. Else the manifest's access fields
    /// hold (if those can't be carried out, nothing is served), the URL isn't public, and nothing is asked of AWS.
    pub fn trusted(annotation: &str, route: &LambdaRoute, trust: &Trust) -> Option<Self> {
        let mut programmed: Self = serde_json::from_str(annotation).ok()?;
        let target = FunctionTarget::parse_arn(&programmed.function_arn)?;
        let recorded =
            route.status.as_ref()?.targets.iter().find(|recorded| recorded.function_arn == programmed.function_arn)?;
        let host = host_of(recorded.function_url.as_ref()?)?;
        if host != programmed.host || target.region != programmed.region {
            return None;
        }
        let digest = Some(programmed.digest());
        let in_status = route.status.as_ref().and_then(|status| status.programmed_digest.clone());
        if digest != in_status && digest != trust.written {
            programmed.access = trust.manifest.clone()?;
            programmed.auth_type = AuthType::AwsIam;
            programmed.management = FunctionUrlManagement::Observe;
            // Who may edit Services says neither that the policy is written nor that it isn't.
            programmed.permissions = Demand::of(&route.spec).permissions;
            programmed.grants = BTreeSet::new();
            programmed.cluster_issuer = None;
        }
        Some(programmed)
    }

    /// What proxies are to serve next: the manifest's target once a call of it would work, else the one that they serve now.
    /// Who may call doesn't wait for AWS. What the platform doesn't allow any more is served no more.
    pub fn next(
        route: &LambdaRoute,
        assessment: &Assessment,
        view: Option<&TargetView>,
        served: Option<Programmed>,
        references: &References,
    ) -> Option<Self> {
        let served = served.filter(|served| !served.is_lost(route, assessment));
        if deleting(route) || suspended(route) {
            return served;
        }
        let (None, Some(target)) = (&assessment.refused, &assessment.target) else { return served };
        let conflicted = view.is_some_and(|view| view.conflicted.contains(&key(route)));
        if conflicted || assessment.access.table_form(&place(route), references).is_err() {
            return served;
        }
        // Finalizer and `status.targets` come before anything that has to be taken back.
        let arn = target.arn();
        let recorded = recorded(route)
            .iter()
            .any(|recorded| recorded.function_arn == arn && recorded.state == TargetState::Active);
        let view = view.filter(|view| recorded && view.serves(&key(route), &assessment.demand));
        let url = view.and_then(|view| view.url.as_ref());
        url.and_then(|url| Self::new(target, url, &assessment.demand, assessment.access.clone()))
            .or_else(|| served.map(|served| served.with_access_of(assessment)))
            .map(|next| next.with_issuer_of(references))
    }

    /// Whether the platform doesn't allow it any more.
    fn is_lost(&self, route: &LambdaRoute, assessment: &Assessment) -> bool {
        let target = FunctionTarget::parse_arn(&self.function_arn);
        target.is_none_or(|target| lost_permission(route, &target, assessment, Some(self)))
    }

    /// The same target with the manifest's access fields. A route on its way to the public keeps its own until it is there.
    fn with_access_of(self, assessment: &Assessment) -> Self {
        if self.auth_type == AuthType::AwsIam && assessment.demand.auth_type == Some(AuthType::None) {
            return self;
        }
        Self { access: assessment.access.clone(), ..self }
    }

    fn with_issuer_of(self, references: &References) -> Self {
        let methods = self.access.auth.iter().flat_map(|auth| &auth.methods);
        let needed = methods.into_iter().any(|method| method.service_account.is_some());
        Self { cluster_issuer: references.cluster_issuer.clone().filter(|_| needed), ..self }
    }

    /// The annotation's text.
    pub fn annotation(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// What the route table gets.
    ///
    /// # Errors
    /// [`Unfit`]: something that the access fields refer to isn't there. Nothing is served without it.
    pub fn desired(
        &self,
        route: &LambdaRoute,
        service: ServiceRef,
        port: u16,
        references: &References,
    ) -> Result<DesiredRoute, Unfit> {
        let auth_type = match self.auth_type {
            AuthType::AwsIam => v1alpha1::AuthType::AwsIam,
            AuthType::None => v1alpha1::AuthType::None,
        };
        let invoke_mode = match self.invoke_mode {
            InvokeMode::Buffered => v1alpha1::InvokeMode::Buffered,
            InvokeMode::ResponseStream => v1alpha1::InvokeMode::ResponseStream,
        };
        let RouteKey { namespace, name, uid } = key(route);
        let mut references = references.clone();
        references.cluster_issuer = references.cluster_issuer.or_else(|| self.cluster_issuer.clone());
        let TableForm { route: access, key_sets } = self.access.table_form(&place(route), &references)?;
        let mut served = v1alpha1::Route {
            namespace,
            name,
            port: u32::from(port),
            upstream: Some(v1alpha1::route::Upstream::FunctionUrl(v1alpha1::FunctionUrl {
                host: self.host.clone(),
                region: self.region.clone(),
                auth_type: auth_type.into(),
                invoke_mode: invoke_mode.into(),
                function_arn: self.function_arn.clone(),
            })),
            ..access
        };
        served.requires = feature::of(&served).into_iter().map(ToOwned::to_owned).collect();
        Ok(DesiredRoute { id: RouteId(uid), service, route: served, key_sets, kept: false })
    }

    /// What the route table gets where [`Programmed::desired`] misses something: proxies go on with what they have.
    ///
    /// # Errors
    /// [`Unfit`]: it can't be right whatever the references come to.
    pub fn kept(
        &self,
        route: &LambdaRoute,
        service: ServiceRef,
        port: u16,
        references: &References,
    ) -> Result<DesiredRoute, Unfit> {
        let desired = self.desired(route, service, port, &references.with_stand_ins(&self.access))?;
        Ok(DesiredRoute { kept: true, ..desired })
    }
}

#[cfg(test)]
mod tests;
