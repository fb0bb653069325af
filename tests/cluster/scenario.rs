//! One story from install to uninstall: its steps stand on each other. Each says when it is done, so that a slow one shows.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::DeleteParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use lambdaroute_tests::functions::Function;
use lambdaroute_tests::target;
use lambdaroute_tests::wait::within;

use crate::aws::Aws;
use crate::callers::Caller;
use crate::release::{self, Release};
use crate::settings::Settings;
use crate::{evidence, inventory, namespaces, routes};

const SHOP: &str = "shop";
const MANY: &str = "lambdaroute-many";
const CALLERS: &str = "lambdaroute-callers";
const NAMESPACES: [&str; 4] = [release::NAMESPACE, SHOP, MANY, CALLERS];
/// Routes under load in the rolling restart, over this many functions.
const ROUTES: usize = 200;
const FUNCTIONS: usize = 4;
/// Those of the other namespace.
const SHOP_ROUTES: usize = 2;
/// Requests a second from each of the two callers: the emulator, not the proxies, sets the bound.
const RATE: u32 = 20;
const CRDS: [&str; 2] = ["lambdaroutes.lambdaroute.dev", "lambdaaccesspolicies.lambdaroute.dev"];

struct Cluster {
    client: Client,
    settings: Settings,
    release: Release,
    aws: Aws,
    started: Instant,
}

/// Runs the story; a failure leaves its evidence, and everything is taken away in the end, whatever happened.
pub(crate) async fn run(settings: Settings) -> anyhow::Result<()> {
    let started = Instant::now();
    if let Some(command) = &settings.image_import {
        let status = tokio::process::Command::new("sh").args(["-euc", command]).status().await?;
        ensure!(status.success(), "LAMBDAROUTE_CLUSTER_IMAGE_IMPORT failed ({status}): {command}");
    }
    let kubeconfig = Kubeconfig::read_from(&settings.kubeconfig).context("read LAMBDAROUTE_CLUSTER_KUBECONFIG")?;
    let client = Client::try_from(Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?)?;
    let directory = target::run_directory("cluster")?;
    let aws = Aws::start(&settings, &directory).await?;
    let release = Release::new(&settings, client.clone());
    let cluster = Cluster { client, settings, release, aws, started };
    cluster.said("images, AWS and the API server are there");

    namespaces::create(&cluster.client, &NAMESPACES).await?;
    let story = cluster.story(&directory).await;
    if story.is_err() {
        if let Err(error) = evidence::gather(&cluster.client, &NAMESPACES, &directory).await {
            eprintln!("not all evidence could be gathered: {error:#}");
        }
        eprintln!("the state and the logs of all parts are in {}", directory.display());
    }
    let cleaned = cluster.clean_up().await;
    story?;
    cleaned
}

impl Cluster {
    async fn story(&self, directory: &std::path::Path) -> anyhow::Result<()> {
        let before = inventory::inventory(&self.client, &NAMESPACES).await?;
        self.release.install(&self.settings, &self.aws, directory).await?;
        self.said("helm install: two controllers and two proxies are ready");

        let orders = self.aws.echo("orders").await?;
        self.call_by_service_name(&orders).await?;
        let mut functions = vec![orders];
        functions.extend(self.restart_under_load().await?);

        self.uninstall_with_routes_and_install_again(directory, &functions).await?;

        for namespace in [SHOP, MANY] {
            routes::delete(&self.client, namespace, Duration::from_secs(180)).await?;
        }
        for function in &functions {
            self.aws.assert_clean(function).await?;
        }
        self.said("all routes are deleted: no Service is left, and nothing in AWS");
        self.uninstall_leaves_the_crd_alone(before).await
    }

    /// Nobody deletes routes first: nothing hangs, AWS is clean, and a later install serves them again.
    async fn uninstall_with_routes_and_install_again(
        &self,
        directory: &std::path::Path,
        functions: &[Function],
    ) -> anyhow::Result<()> {
        let begun = Instant::now();
        let printed = self.release.uninstall().await?;
        let told = format!("LambdaRoutes let go: {}", ROUTES + SHOP_ROUTES);
        ensure!(printed.contains(&told), "helm uninstall doesn't say {told:?}: {printed}");
        ensure!(!printed.contains("Left in AWS"), "{printed}");
        for function in functions {
            self.aws.assert_clean(function).await?;
        }
        for namespace in [SHOP, MANY] {
            routes::are_let_go(&self.client, namespace).await?;
        }
        self.said(&format!("helm uninstall with all routes there took {} s", begun.elapsed().as_secs()));
        self.release.install(&self.settings, &self.aws, directory).await?;
        for (namespace, count) in [(SHOP, SHOP_ROUTES), (MANY, ROUTES)] {
            routes::ready(&self.client, namespace, count, Duration::from_secs(180)).await?;
        }
        self.said("helm install again: all routes are Ready as before");
        Ok(())
    }

    async fn call_by_service_name(&self, orders: &Function) -> anyhow::Result<()> {
        routes::create(&self.client, SHOP, "orders", orders.name()).await?;
        routes::ready(&self.client, SHOP, 1, Duration::from_secs(60)).await?;
        self.said("the route shop/orders is Ready");
        let calls = [
            (CALLERS, "http://orders.shop/v1/items?color=red", r#""path": "/v1/items""#),
            (CALLERS, "http://orders.shop.svc.cluster.local/", r#""function": "orders""#),
            (SHOP, "http://orders/", r#""function": "orders""#),
        ];
        for (at, (namespace, url, expected)) in calls.into_iter().enumerate() {
            let args = ["--target", &format!("{url}|{expected}"), "--requests", "5", "--first-within", "20"];
            let caller = self.caller(namespace, &format!("once-{at}"), &args).await?;
            let report = caller.finish(Duration::from_secs(60)).await?;
            ensure!(report.wrong == 0 && report.right == 6, "{url} from {namespace}: {report:?}");
            self.said(&format!("a pod in {namespace} GETs {url}"));
        }
        Ok(())
    }

    async fn restart_under_load(&self) -> anyhow::Result<Vec<Function>> {
        let slow = self.aws.slow("slow").await?;
        routes::create(&self.client, SHOP, "slow", slow.name()).await?;
        let mut functions = Vec::new();
        for at in 0..FUNCTIONS {
            functions.push(self.aws.echo(&format!("many-{at}")).await?);
        }
        let mut targets = Vec::new();
        for at in 0..ROUTES {
            let function = functions[at % FUNCTIONS].name();
            routes::create(&self.client, MANY, &format!("r{at}"), function).await?;
            targets.push("--target".to_owned());
            targets.push(format!("http://r{at}.{MANY}/{at}|\"function\": \"{function}\""));
        }
        routes::ready(&self.client, MANY, ROUTES, Duration::from_secs(180)).await?;
        routes::ready(&self.client, SHOP, 2, Duration::from_secs(60)).await?;
        self.said(&format!("{ROUTES} routes over {FUNCTIONS} functions are Ready"));

        let rate = RATE.to_string();
        let mut loads = Vec::new();
        for (name, more) in [("kept", None), ("fresh", Some("--fresh-connections"))] {
            let mut args: Vec<&str> = targets.iter().map(String::as_str).collect();
            args.extend(["--rate", &rate, "--concurrency", "16", "--first-within", "60"]);
            args.extend(more);
            loads.push(self.caller(CALLERS, name, &args).await?);
        }
        let answered_by_all = |report: &lambdaroute_tests::caller::Report| {
            report.targets_seen == ROUTES && report.right >= 2 * ROUTES as u64
        };
        for load in &mut loads {
            load.until(Duration::from_secs(120), "been answered by all routes twice", answered_by_all).await?;
        }
        self.said("all routes answer under load");

        let url = "http://slow.shop/?seconds=45|slept";
        let long = self.caller(CALLERS, "long", &["--target", url, "--requests", "1", "--timeout", "120"]).await?;
        within(Duration::from_secs(30), "the long request to reach its function", async || {
            Ok((slow.invocations().await? == 1).then_some(()))
        })
        .await?;
        let begun = Instant::now();
        self.release.restart(Duration::from_secs(240)).await?;
        self.said(&format!("proxies and controllers are restarted, in {} s", begun.elapsed().as_secs()));
        let report = long.finish(Duration::from_secs(120)).await?;
        ensure!(report.right == 1 && report.wrong == 0, "the 45-second request was lost: {report:?}");
        ensure!(slow.invocations().await? == 1, "the 45-second request was sent twice");
        self.said("the 45-second request in flight got its answer");

        for mut load in loads {
            let goal = load.report().right + 2 * ROUTES as u64;
            load.until(Duration::from_secs(120), "been answered by all routes after it", |report| report.right >= goal)
                .await?;
            let report = load.stop(Duration::from_secs(90)).await?;
            ensure!(report.wrong == 0, "requests were lost in the rolling restart: {report:#?}");
            // A server may close a kept connection that is idle; a proxy that drops requests would show as more than that.
            ensure!(report.reconnected * 100 <= report.right, "kept connections broke too often: {report:#?}");
            let (right, reconnected, slowest) = (report.right, report.reconnected, report.slowest_ms);
            self.said(&format!(
                "{right} requests, none lost, {reconnected} reconnected, the slowest took {slowest} ms"
            ));
        }
        functions.push(slow);
        Ok(functions)
    }

    async fn uninstall_leaves_the_crd_alone(&self, before: BTreeSet<String>) -> anyhow::Result<()> {
        namespaces::delete(&self.client, &[CALLERS]).await?;
        self.release.uninstall().await?;
        let before: BTreeSet<String> = before.into_iter().filter(|line| !line.contains(CALLERS)).collect();
        // A CRD's kind has an APIService of its own, made by Kubernetes.
        let mut kept = CRDS.map(|crd| format!("apiextensions.k8s.io/CustomResourceDefinition /{crd}")).to_vec();
        kept.push("apiregistration.k8s.io/APIService /v1alpha1.lambdaroute.dev".to_owned());
        let mut left = BTreeSet::new();
        let gone = within(Duration::from_secs(90), "the uninstall to leave nothing but the CRDs", async || {
            let after = inventory::inventory(&self.client, &[release::NAMESPACE, SHOP, MANY]).await?;
            left = after.difference(&before).filter(|line| !kept.contains(line)).cloned().collect();
            ensure!(kept.iter().all(|kept| after.contains(kept)), "the uninstall took a CRD, and with it all routes");
            Ok(left.is_empty().then_some(()))
        })
        .await;
        gone.with_context(|| format!("left: {left:#?}"))?;
        self.said("helm uninstall: nothing is left in the cluster but the CRDs");
        Ok(())
    }

    /// Best effort on a cluster in any state; routes go first, while a controller may still live.
    async fn clean_up(&self) -> anyhow::Result<()> {
        let limit = Duration::from_secs(60);
        let mut wrong = Vec::new();
        for namespace in [SHOP, MANY] {
            // Without the CRD there are no routes.
            let deleted = routes::delete(&self.client, namespace, limit).await;
            if let Some(error) = deleted.err().filter(|error| !is_missing(error)) {
                wrong.push(error);
                wrong.extend(routes::abandon(&self.client, namespace).await.err());
            }
        }
        wrong.extend(self.release.uninstall().await.err());
        let definitions: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        for crd in CRDS {
            if definitions.get_opt(crd).await?.is_some() {
                wrong.extend(definitions.delete(crd, &DeleteParams::default()).await.err().map(Into::into));
            }
        }
        wrong.extend(namespaces::delete(&self.client, &NAMESPACES).await.err());
        for error in &wrong {
            eprintln!("cleaning up: {error:#}");
        }
        ensure!(wrong.is_empty(), "the suite couldn't take away all that it made");
        Ok(())
    }

    async fn caller(&self, namespace: &str, name: &str, args: &[&str]) -> anyhow::Result<Caller> {
        let args = args.iter().map(ToString::to_string).collect();
        Caller::start(&self.client, &self.settings.caller_image, namespace, name, args).await
    }

    fn said(&self, what: &str) {
        eprintln!("{:4} s  {what}", self.started.elapsed().as_secs());
    }
}

fn is_missing(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(kube::Error::Api(status)) if status.code == 404)
}
