//! Releases of the chart as Helm keeps them, and the text that others render from it and apply. Nothing that takes the product
//! away may be in that text.

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use lambdaroute_crds::LambdaAccessPolicy;
use lambdaroute_tests::cluster::Cluster;
use lambdaroute_tests::environment::Environment;
use lambdaroute_tests::helm::{chart, helm, objects, template};
use serde_json::{Value, json};

const PRINCIPAL: &str = "arn:aws:iam::111122223333:role/lambdaroute-proxy";

/// A release of its own namespace, whose CRDs are those of the tests.
struct Release {
    name: &'static str,
    cluster: Cluster,
}

impl Release {
    async fn new(name: &'static str) -> anyhow::Result<Self> {
        Ok(Self { name, cluster: Environment::shared().await?.cluster().await? })
    }

    fn helm(&self, command: &[&str], values: Option<&Value>) -> anyhow::Result<String> {
        let file = tempfile::Builder::new().suffix(".json").tempfile()?;
        let path = file.path().to_string_lossy().into_owned();
        let mut arguments = [command, &["--namespace", self.name]].concat();
        if let Some(values) = values {
            let mut values = values.clone();
            values["proxyPrincipal"] = PRINCIPAL.into();
            values["crds"] = json!({"install": false});
            serde_json::to_writer(file.as_file(), &values)?;
            arguments.extend(["--values", &path]);
        }
        helm(&arguments, Some(self.cluster.kubeconfig()))
    }

    fn install(&self, values: &Value) -> anyhow::Result<String> {
        self.helm(&["install", self.name, &chart().to_string_lossy(), "--create-namespace"], Some(values))
    }

    async fn gone(self) -> anyhow::Result<()> {
        self.helm(&["uninstall", self.name, "--no-hooks"], None)?;
        self.cluster.delete_namespace(self.name).await
    }
}

/// The Job, if it is among them.
fn job(objects: &[Value]) -> Option<&Value> {
    objects.iter().find(|object| object["kind"] == "Job")
}

fn flags(job: &Value) -> Vec<&str> {
    let flags = job["spec"]["template"]["spec"]["containers"][0]["args"].as_array();
    flags.into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn text_that_others_apply_holds_nothing_that_takes_the_product_away() -> anyhow::Result<()> {
    for more in [json!({}), json!({"uninstall": {"enabled": true, "timeLimitSeconds": 60}})] {
        let mut values = more;
        values["proxyPrincipal"] = PRINCIPAL.into();
        let objects = template("r", "n", &values)?;
        assert!(objects.len() >= 14, "{} objects", objects.len());
        for object in &objects {
            assert_eq!(object["metadata"]["annotations"]["helm.sh/hook"], Value::Null, "{object}");
            assert_ne!(object["kind"], "Job");
            let rules = object["rules"].as_array().into_iter().flatten();
            let scales = rules.flat_map(|rule| rule["resources"].as_array().into_iter().flatten());
            assert!(!scales.into_iter().any(|it| it == "deployments/scale"), "{object}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn helm_keeps_the_job_in_its_release_and_marks_what_the_job_looks_for() -> anyhow::Result<()> {
    let release = Release::new("helm-keeps").await?;
    release.install(&json!({}))?;
    let hooks = objects(&release.helm(&["get", "hooks", release.name], None)?)?;
    let kinds: Vec<_> = hooks.iter().filter_map(|hook| hook["kind"].as_str()).collect();
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    let job = job(&hooks).expect("a Job before the deletion");
    assert_eq!(job["metadata"]["annotations"]["helm.sh/hook"], "pre-delete");
    let wanted = "meta.helm.sh/release-name=helm-keeps";
    assert!(flags(job).contains(&&*format!("--require-annotation={wanted}")), "{:?}", flags(job));

    let deployments: Api<Deployment> = Api::namespaced(release.cluster.client.clone(), release.name);
    let name = flags(job).into_iter().find_map(|flag| flag.strip_prefix("--owner-deployment=")).expect("its flag");
    let found = deployments.get(name).await?;
    assert!(found.annotations().iter().any(|(key, value)| format!("{key}={value}") == wanted), "{found:?}");

    // An upgrade keeps it, and can take it away.
    let chart = chart().to_string_lossy().into_owned();
    let upgrade = ["upgrade", release.name, &chart];
    release.helm(&upgrade, Some(&json!({})))?;
    assert!(release.helm(&["get", "hooks", release.name], None)?.contains("kind: Job"));
    release.helm(&upgrade, Some(&json!({"uninstall": {"enabled": false}})))?;
    assert!(!release.helm(&["get", "hooks", release.name], None)?.contains("kind: Job"));
    release.gone().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_allows_everything_goes_with_its_value_and_leaves_nothing_in_the_cluster() -> anyhow::Result<()> {
    let release = Release::new("helm-allows").await?;
    let policies: Api<LambdaAccessPolicy> = Api::all(release.cluster.client.clone());
    let named = async || -> anyhow::Result<Vec<String>> {
        let found = policies.list(&ListParams::default()).await?.items;
        Ok(found.iter().map(ResourceExt::name_any).filter(|name| name.contains("helm-allows")).collect())
    };
    let allows = || anyhow::Ok(release.helm(&["get", "manifest", release.name], None)?.contains("--allow-all"));
    release.install(&json!({"accessPolicy": {"allowAll": true}}))?;
    assert!(allows()?);
    assert_eq!(named().await?, Vec::<String>::new(), "it would outlive the value");
    let chart = chart().to_string_lossy().into_owned();
    release.helm(&["upgrade", release.name, &chart], Some(&json!({"accessPolicy": {"allowAll": false}})))?;
    assert!(!allows()?);
    assert_eq!(named().await?, Vec::<String>::new());
    release.gone().await
}

#[tokio::test(flavor = "multi_thread")]
async fn argo_cd_gets_a_hook_of_its_own_that_helm_refuses_to_install() -> anyhow::Result<()> {
    let values = json!({"proxyPrincipal": PRINCIPAL, "uninstall": {"argoCD": true}});
    let objects = template("r", "n", &values)?;
    let job = job(&objects).expect("a Job before the deletion");
    assert!(flags(job).contains(&"--require-annotation=argocd.argoproj.io/tracking-id"), "{:?}", flags(job));
    let hooks: Vec<_> = objects
        .iter()
        .map(|object| &object["metadata"]["annotations"])
        .filter(|annotations| annotations["argocd.argoproj.io/hook"] == "PreDelete")
        .collect();
    assert_eq!(hooks.len(), 3);
    for annotations in hooks {
        // It ignores those of Helm beside its own, and Helm itself doesn't know these.
        let keys = annotations.as_object().into_iter().flat_map(|map| map.keys());
        assert!(!keys.into_iter().any(|key| key.starts_with("helm.sh/")), "{annotations}");
        assert_eq!(annotations["argocd.argoproj.io/hook-delete-policy"], "BeforeHookCreation,HookSucceeded");
    }
    let wave = |kind: &str| -> Option<i64> {
        let of_hook =
            |it: &&Value| it["kind"] == kind && it["metadata"]["annotations"]["argocd.argoproj.io/hook"].is_string();
        objects.iter().find(of_hook)?["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"].as_str()?.parse().ok()
    };
    assert!(wave("Role") < wave("RoleBinding") && wave("RoleBinding") < wave("Job"), "its rights come first");

    let release = Release::new("helm-no-argo").await?;
    let refusal = release.install(&json!({"uninstall": {"argoCD": true}})).expect_err("Helm would run it at once");
    assert!(refusal.to_string().contains("uninstall.argoCD is for Argo CD"), "{refusal:#}");
    Ok(())
}
