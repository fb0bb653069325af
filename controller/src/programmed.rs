//! What a route's proxies were last told, kept on its Service: a new leader knows it without AWS, and a suspended or disputed
//! route goes on with it. Pure. It is believed only where status, which the controller alone writes, says the same host.

use std::collections::BTreeMap;

use lambdaroute_crds::{AuthType, InvokeMode, LambdaRoute, TargetState};
use lambdaroute_proxy_config::{feature, v1alpha1};
use serde::{Deserialize, Serialize};

use crate::assess::Assessment;
use crate::intent::{deleting, key, lost_permission, recorded, suspended};
use crate::observation::{UrlConfig, UrlSettings, host_of};
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
}

impl Programmed {
    /// What AWS answered for a target. None if the URL has no host.
    pub fn new(target: &FunctionTarget, url: &UrlConfig) -> Option<Self> {
        Some(Self {
            host: url.host()?,
            region: target.region.clone(),
            auth_type: url.settings.auth_type,
            invoke_mode: url.settings.invoke_mode,
            function_arn: target.arn(),
        })
    }

    /// The URL's settings.
    pub fn settings(&self) -> UrlSettings {
        UrlSettings { auth_type: self.auth_type, invoke_mode: self.invoke_mode }
    }

    /// Reads the annotation. None where it can't be believed: whoever may edit Services may write it, so target and host
    /// must be those of `status.targets`.
    pub fn trusted(annotation: &str, route: &LambdaRoute) -> Option<Self> {
        let programmed: Self = serde_json::from_str(annotation).ok()?;
        let target = FunctionTarget::parse_arn(&programmed.function_arn)?;
        let recorded =
            route.status.as_ref()?.targets.iter().find(|recorded| recorded.function_arn == programmed.function_arn)?;
        let host = host_of(recorded.function_url.as_ref()?)?;
        (host == programmed.host && target.region == programmed.region).then_some(programmed)
    }

    /// What proxies are to serve next: the manifest's target once a call of it would work, else what they serve now. A route
    /// that lost its permission is served no more.
    pub fn next(
        route: &LambdaRoute,
        assessment: &Assessment,
        view: Option<&TargetView>,
        served: Option<Programmed>,
    ) -> Option<Self> {
        if deleting(route) || suspended(route) {
            return served;
        }
        if lost_permission(assessment, served.as_ref()) {
            return None;
        }
        let (None, Some(target), Some(view)) = (&assessment.refused, &assessment.target, view) else { return served };
        // Finalizer and `status.targets` come before anything that has to be taken back.
        let arn = target.arn();
        let recorded = recorded(route)
            .iter()
            .any(|recorded| recorded.function_arn == arn && recorded.state == TargetState::Active);
        if !recorded || view.conflicted.contains(&key(route)) || !view.serves(assessment.settings) {
            return served;
        }
        view.url.as_ref().and_then(|url| Self::new(target, url)).or(served)
    }

    /// The annotation's text.
    pub fn annotation(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// What the route table gets.
    pub fn desired(&self, route: &RouteKey, service: ServiceRef, port: u16) -> DesiredRoute {
        let auth_type = match self.auth_type {
            AuthType::AwsIam => v1alpha1::AuthType::AwsIam,
            AuthType::None => v1alpha1::AuthType::None,
        };
        let invoke_mode = match self.invoke_mode {
            InvokeMode::Buffered => v1alpha1::InvokeMode::Buffered,
            InvokeMode::ResponseStream => v1alpha1::InvokeMode::ResponseStream,
        };
        let mut served = v1alpha1::Route {
            namespace: route.namespace.clone(),
            name: route.name.clone(),
            port: u32::from(port),
            upstream: Some(v1alpha1::route::Upstream::FunctionUrl(v1alpha1::FunctionUrl {
                host: self.host.clone(),
                region: self.region.clone(),
                auth_type: auth_type.into(),
                invoke_mode: invoke_mode.into(),
                function_arn: self.function_arn.clone(),
            })),
            ..v1alpha1::Route::default()
        };
        served.requires = feature::of(&served).into_iter().map(ToOwned::to_owned).collect();
        DesiredRoute { id: RouteId(route.uid.clone()), service, route: served, key_sets: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests;
