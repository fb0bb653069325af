//! The embedded control plane does what the tests on it take for granted.

use std::process::Command;
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Api, DeleteParams, PostParams};
use lambdaroute_tests::cluster::{Cluster, PodStand};
use lambdaroute_tests::controlplane::{self, ControlPlane};
use lambdaroute_tests::environment::Environment;
use lambdaroute_tests::helm;
use lambdaroute_tests::process::{Process, Start};
use lambdaroute_tests::wait::{eventually, still};
use serde_json::{Value, json};

/// What open watches may hold the stop for, and room for a busy machine.
const ENDED_WITHIN: Duration = Duration::from_secs(30);

async fn namespace(name: &str) -> anyhow::Result<(Cluster, String)> {
    let cluster = Environment::shared().await?.cluster().await?;
    let namespace = format!("{name}-{:06x}", rand::random::<u32>() & 0xff_ffff);
    cluster.namespace(&namespace).await?;
    Ok((cluster, namespace))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_bound_to_a_pod_names_the_pod_in_its_review() -> anyhow::Result<()> {
    let (cluster, namespace) = namespace("tokens").await?;
    let labels = json!({"app": "proxy"});
    let address = "10.9.9.9";
    let pod = PodStand { namespace: &namespace, name: "one", service_account: "default", labels: &labels, address };
    let uid = cluster.pod(&pod).await?;
    let token = cluster.token(&namespace, "default", Some("lambdaroute.dev"), Some(("one", &uid))).await?;
    let spec = TokenReviewSpec { token: Some(token), audiences: Some(vec!["lambdaroute.dev".into()]) };
    let review = TokenReview { spec, ..TokenReview::default() };
    let status = Api::<TokenReview>::all(cluster.client.clone()).create(&PostParams::default(), &review).await?.status;
    let user = status.unwrap().user.unwrap();
    assert_eq!(user.username, Some(format!("system:serviceaccount:{namespace}:default")));
    let extra = user.extra.unwrap();
    assert_eq!(extra["authentication.kubernetes.io/pod-name"], ["one"]);
    assert_eq!(extra["authentication.kubernetes.io/pod-uid"], [uid]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_goes_with_its_owner() -> anyhow::Result<()> {
    let (cluster, namespace) = namespace("garbage").await?;
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), &namespace);
    let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner"}});
    let owner = maps.create(&PostParams::default(), &serde_json::from_value(owner)?).await?;
    let reference = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.metadata.uid});
    let child =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "child", "ownerReferences": [reference]}});
    maps.create(&PostParams::default(), &serde_json::from_value(child)?).await?;
    maps.delete("owner", &DeleteParams::default()).await?;
    eventually("the child to be collected", async || Ok(maps.get_opt("child").await?.is_none().then_some(()))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_selector_takes_the_endpoints_that_are_written_for_it() -> anyhow::Result<()> {
    let (cluster, namespace) = namespace("endpoints").await?;
    let manifests = |address: &str| {
        format!(
            r"
apiVersion: v1
kind: Service
metadata: {{name: orders}}
spec: {{ports: [{{name: http, port: 80, targetPort: 12345, appProtocol: http}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: orders-ipv4
  labels: {{kubernetes.io/service-name: orders, endpointslice.kubernetes.io/managed-by: tests}}
addressType: IPv4
ports: [{{name: http, port: 12345, appProtocol: http}}]
endpoints:
  - addresses: ['{address}']
    conditions: {{ready: true}}
    targetRef: {{kind: Pod, namespace: elsewhere, name: proxy}}
"
        )
    };
    let refused = cluster.apply_yaml(&manifests("127.0.0.2"), Some(&namespace)).await.unwrap_err();
    assert!(format!("{refused:#}").contains("loopback"), "{refused:#}");
    cluster.apply_yaml(&manifests("10.9.9.9"), Some(&namespace)).await?;
    let service = Api::<Service>::namespaced(cluster.client.clone(), &namespace).get("orders").await?;
    assert!(service.spec.unwrap().cluster_ip.unwrap().starts_with("10."));
    let slices: Api<EndpointSlice> = Api::namespaced(cluster.client.clone(), &namespace);
    still(Duration::from_secs(1), "one slice, ours", async || {
        let found = slices.list(&Default::default()).await?.items;
        Ok(found.len() == 1 && found[0].endpoints.iter().any(|endpoint| endpoint.addresses == ["10.9.9.9"]))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn to_hold_up_an_owners_deletion_takes_the_right_to_its_finalizers() -> anyhow::Result<()> {
    let (cluster, namespace) = namespace("owners").await?;
    let role = |finalizers: bool| {
        let resource = if finalizers { "deployments/finalizers" } else { "deployments/scale" };
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "worker"}, "rules": [
            {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]},
            {"apiGroups": ["apps"], "resources": [resource], "verbs": ["update"]},
        ]})
    };
    let objects = helm::objects(
        r"
{apiVersion: v1, kind: ServiceAccount, metadata: {name: worker}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: worker}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: worker}
subjects: [{kind: ServiceAccount, name: worker}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: owner}
spec:
  replicas: 0
  selector: {matchLabels: {app: owner}}
  template: {metadata: {labels: {app: owner}}, spec: {containers: [{name: none, image: none}]}}
",
    )?;
    let mut owner = Value::Null;
    for object in objects.iter().chain([&role(false)]) {
        let made = cluster.apply(object, Some(&namespace)).await?;
        if object["kind"] == "Deployment" {
            owner = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "owner", "uid": made.metadata.uid});
        }
    }
    let directory = tempfile::tempdir()?;
    let kubeconfig = directory.path().join("kubeconfig");
    let account = (namespace.as_str(), "worker");
    cluster.account_kubeconfig(account, &cluster.server(), cluster.authority(), &kubeconfig).await?;
    let worker = Cluster::connect(&kubeconfig).await?;
    let child = |name: &str, blocks: bool| {
        let mut owner = owner.clone();
        owner["blockOwnerDeletion"] = blocks.into();
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "ownerReferences": [owner]}})
    };
    eventually("the authorizer to know the role", async || {
        Ok(Some(worker.create(&child("modest", false), Some(&namespace)).await?))
    })
    .await?;
    let refused = worker.create(&child("blocks", true), Some(&namespace)).await.unwrap_err();
    assert!(format!("{refused:#}").contains("cannot set blockOwnerDeletion"), "{refused:#}");
    cluster.apply(&role(true), Some(&namespace)).await?;
    eventually("the right to be granted", async || {
        Ok(Some(worker.create(&child("blocks", true), Some(&namespace)).await?))
    })
    .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_ends_by_itself_when_it_is_told_to_and_when_its_parent_is_gone() -> anyhow::Result<()> {
    let binary = tokio::task::spawn_blocking(controlplane::binary).await??;
    let (told, orphaned) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let (mut told, mut orphaned) =
        tokio::try_join!(ControlPlane::start(&binary, told.path()), ControlPlane::start(&binary, orphaned.path()))?;
    let version = Cluster::connect(told.kubeconfig()).await?.client.apiserver_version().await?;
    assert!(version.git_version.starts_with("v1."), "it calls itself {}", version.git_version);
    told.process().terminate()?;
    orphaned.process().close_input();
    told.process().wait(ENDED_WITHIN).await?;
    orphaned.process().wait(ENDED_WITHIN).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_harness_leaves_no_process_behind() -> anyhow::Result<()> {
    // This test's own binary, running the next test, stands for a harness; it is killed in the middle.
    let file = tempfile::NamedTempFile::new()?;
    let mut harness = Command::new(std::env::current_exe()?)
        .args(["environment::a_harness_that_is_killed", "--exact", "--ignored"])
        .env("LAMBDAROUTE_TEST_PID_FILE", file.path())
        .stdout(std::process::Stdio::null())
        .spawn()?;
    let pid: i32 = eventually("the harness to start a process", async || {
        Ok(std::fs::read_to_string(file.path())?.trim().parse().ok())
    })
    .await?;
    harness.kill()?;
    harness.wait()?;
    eventually("the process to be gone", async || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        let gone = stat.map_or(true, |stat| stat.contains(") Z "));
        Ok(gone.then_some(()))
    })
    .await
}

#[test]
#[ignore = "not a test: the harness that a_killed_harness_leaves_no_process_behind kills"]
fn a_harness_that_is_killed() {
    let Ok(file) = std::env::var("LAMBDAROUTE_TEST_PID_FILE") else { return };
    let log = tempfile::NamedTempFile::new().unwrap();
    let arguments = ["-c".to_owned(), format!("echo $$ > {file}; exec sleep 600")];
    let program = std::path::Path::new("/bin/sh");
    let start = Start { name: "sleep", program, arguments: &arguments, environment: &[], log: log.path() };
    let mut process = Process::start(&start).unwrap();
    while process.ended().unwrap().is_none() {
        std::thread::yield_now();
    }
}
