//! The embedded control plane does what the tests on it take for granted.

use std::process::Command;

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, PostParams};
use lambdaroute_tests::cluster::{Cluster, PodStand};
use lambdaroute_tests::environment::Environment;
use lambdaroute_tests::process::{Process, Start};
use lambdaroute_tests::wait::eventually;
use serde_json::json;

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
