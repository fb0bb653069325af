//! The chart's objects in the cluster, and what they say of the processes that stand in for their Pods.

use anyhow::Context;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::helm;

/// What the chart says of one component's Pods.
#[derive(Clone, Debug)]
pub(super) struct Component {
    pub(super) service_account: String,
    pub(super) labels: Value,
    arguments: Vec<String>,
    environment: Vec<Value>,
}

/// An installed release.
#[derive(Clone, Debug)]
pub(super) struct Release {
    pub(super) namespace: String,
    pub(super) controller: Component,
    pub(super) proxy: Component,
    /// What runs before an uninstall.
    pub(super) uninstall: Component,
    /// Its rights, which aren't there before.
    pub(super) uninstall_rights: Vec<Value>,
}

impl Release {
    pub(super) async fn install(cluster: &Cluster, id: &str, values: &Value) -> anyhow::Result<Self> {
        let namespace = format!("lambdaroute-{id}");
        let name = format!("lr-{id}");
        cluster.namespace(&namespace).await?;
        let objects = helm::release(cluster.kubeconfig(), &name, &namespace, values)?;
        let (mut components, mut uninstall, mut uninstall_rights) = ([None, None], None, Vec::new());
        for mut object in objects {
            if object["metadata"]["annotations"]["helm.sh/hook"] == "pre-delete" {
                match object["kind"].as_str() {
                    Some("Job") => uninstall = Some(component(&object).context("read the Job of an uninstall")?),
                    _ => uninstall_rights.push(object),
                }
                continue;
            }
            if object["kind"] == "Deployment" {
                // Processes stand for its Pods. The object itself owns the Lease, the Secret and the ConfigMaps.
                object["spec"]["replicas"] = json!(0);
                // As Helm does with all that it installs.
                object["metadata"]["annotations"]["meta.helm.sh/release-name"] = json!(name);
                let component = component(&object).context("read a Deployment of the chart")?;
                match object["metadata"]["labels"]["app.kubernetes.io/component"].as_str() {
                    Some("controller") => components[0] = Some(component),
                    Some("proxy") => components[1] = Some(component),
                    _ => {}
                }
            }
            cluster
                .apply(&object, Some(&namespace))
                .await
                .with_context(|| format!("apply the chart's {} {}", object["kind"], object["metadata"]["name"]))?;
        }
        let [Some(controller), Some(proxy)] = components else {
            anyhow::bail!("the chart has no Deployment labelled app.kubernetes.io/component=controller or =proxy");
        };
        let uninstall = uninstall.context("the chart has no Job before an uninstall")?;
        Ok(Self { namespace, controller, proxy, uninstall, uninstall_rights })
    }
}

impl Component {
    /// The chart's flags, with some replaced (`--name=value`) and some added.
    pub(super) fn flags(&self, ours: &[String]) -> Vec<String> {
        let name = |flag: &str| flag.split('=').next().unwrap_or(flag).to_owned();
        let replaced: Vec<_> = ours.iter().map(|flag| name(flag)).collect();
        let kept = self.arguments.iter().filter(|flag| !replaced.contains(&name(flag))).cloned();
        kept.chain(ours.iter().cloned()).collect()
    }

    /// The same of a subcommand's, whose own flags come behind its name.
    pub(super) fn flags_of(&self, subcommand: &str, ours: &[String], own: &[String]) -> Vec<String> {
        let at = self.arguments.iter().position(|flag| flag == subcommand).unwrap_or(self.arguments.len());
        let (before, after) = self.arguments.split_at(at);
        let part =
            |arguments: &[String], ours: &[String]| Self { arguments: arguments.to_vec(), ..self.clone() }.flags(ours);
        part(before, ours).into_iter().chain(part(after, own)).collect()
    }

    /// The chart's environment, with the fields of a Pod filled in.
    pub(super) fn environment(&self, pod: &str, namespace: &str) -> Vec<(String, String)> {
        let value = |variable: &Value| match variable["valueFrom"]["fieldRef"]["fieldPath"].as_str() {
            Some("metadata.name") => Some(pod.to_owned()),
            Some("metadata.namespace") => Some(namespace.to_owned()),
            _ => variable["value"].as_str().map(str::to_owned),
        };
        self.environment
            .iter()
            .filter_map(|variable| Some((variable["name"].as_str()?.to_owned(), value(variable)?)))
            .collect()
    }

    /// The value of one of the chart's flags.
    pub(super) fn flag(&self, name: &str) -> Option<&str> {
        self.arguments.iter().find_map(|flag| flag.strip_prefix(name)?.strip_prefix('='))
    }
}

fn component(deployment: &Value) -> anyhow::Result<Component> {
    let template = &deployment["spec"]["template"];
    let container = &template["spec"]["containers"][0];
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|text| Some(text.as_str()?.to_owned())).collect()
    };
    Ok(Component {
        service_account: template["spec"]["serviceAccountName"].as_str().context("no ServiceAccount")?.to_owned(),
        labels: template["metadata"]["labels"].clone(),
        arguments: texts(&container["args"]),
        environment: container["env"].as_array().cloned().unwrap_or_default(),
    })
}
