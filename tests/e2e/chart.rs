//! The chart: linted, rendered with several values, applied to the real API server, and its rights asked for there. That
//! it runs is the cluster suite's matter.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::Context;
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::PostParams;
use lambdaroute_tests::cluster::Cluster;
use lambdaroute_tests::components::Binary;
use lambdaroute_tests::environment::Environment;
use lambdaroute_tests::helm::{chart, helm, release, template};

use serde_json::{Value, json};

const PRINCIPAL: &str = "arn:aws:iam::111122223333:role/lambdaroute-proxy";

fn smallest() -> Value {
    json!({"proxyPrincipal": PRINCIPAL})
}

/// Every switch of the chart in its other position, every list with something in it.
fn everything() -> Value {
    let component = json!({
        "replicaCount": 3,
        "image": {"registry": "", "repository": "localhost/x", "tag": "1"},
        "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": PRINCIPAL}},
        "podAnnotations": {"a": "b"},
        "podLabels": {"c": "d"},
        "priorityClassName": "system-cluster-critical",
        "tolerations": [{"key": "x", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "x", "operator": "Exists"}]},
        ]}}},
        "extraEnv": [{"name": "X", "value": "y"}],
        "extraVolumes": [{"name": "x", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "x", "mountPath": "/x"}],
    });
    let mut controller = component.clone();
    controller["secretNamespaces"] = json!(["default", "kube-public"]);
    controller["driftInterval"] = json!("90m");
    controller["listenAddress"] = json!("0.0.0.0");
    controller["jwks"] =
        json!({"privateRanges": ["10.0.0.0/8", "fd00::/8"], "caConfigMap": "idp-ca", "refreshInterval": "30m"});
    let mut proxy = component;
    proxy["trustedProxies"] = json!(["10.1.0.0/16", "fd00::/8"]);
    proxy["accessLog"] = json!("sampled");
    proxy["autoscaling"] = json!({"enabled": true, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 600}}});
    json!({
        "proxyPrincipal": PRINCIPAL,
        "clusterID": "c1",
        "accessPolicy": {"allowAll": true},
        "aws": {
            "region": "eu-west-1", "endpointURL": "http://aws.test:4566", "functionURLEndpoint": "http://aws.test:4566",
            "rate": {"controlPlane": 12, "getPolicy": 12, "getFunction": 80},
        },
        "imagePullSecrets": [{"name": "registry"}],
        "commonLabels": {"team": "platform"},
        "networkPolicy": {"enabled": true, "adminFrom": [{"namespaceSelector": {"matchLabels": {"team": "monitoring"}}}]},
        "podMonitor": {"enabled": true, "interval": "30s", "labels": {"release": "prometheus"}},
        "controller": controller,
        "proxy": proxy,
    })
}

fn lint(values: &Value) -> anyhow::Result<String> {
    let file = tempfile::Builder::new().suffix(".json").tempfile()?;
    serde_json::to_writer(file.as_file(), values)?;
    helm(&["lint", "--strict", &chart().to_string_lossy(), "--values", &file.path().to_string_lossy()], None)
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

fn deployment<'a>(objects: &'a [Value], component: &str) -> &'a Value {
    let all = of_kind(objects, "Deployment");
    let found = all.iter().find(|it| it["metadata"]["labels"]["app.kubernetes.io/component"] == component);
    found.copied().unwrap_or(&Value::Null)
}

/// As Helm itself makes it in the cluster, where nobody knows the Prometheus operator's kinds.
async fn released(values: Value) -> anyhow::Result<Vec<Value>> {
    released_in("r", "ns", values).await
}

async fn released_in(name: &'static str, namespace: &'static str, mut values: Value) -> anyhow::Result<Vec<Value>> {
    values["podMonitor"]["enabled"] = false.into();
    let environment = Environment::shared().await?;
    tokio::task::spawn_blocking(move || release(&environment.kubeconfig, name, namespace, &values)).await?
}

/// What Helm makes before it deletes the release, and takes away again.
fn before_deletion(objects: &[Value]) -> Vec<&Value> {
    objects.iter().filter(|object| is_before_deletion(object)).collect()
}

fn is_before_deletion(object: &Value) -> bool {
    object["metadata"]["annotations"]["helm.sh/hook"] == "pre-delete"
}

/// Of a Deployment or a Job.
fn arguments(deployment: &Value) -> Vec<&str> {
    let arguments = &deployment["spec"]["template"]["spec"]["containers"][0]["args"];
    arguments.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn lint_has_nothing_to_say_even_when_strict() -> anyhow::Result<()> {
    for values in [smallest(), everything()] {
        let said = lint(&values)?;
        assert!(said.contains("1 chart(s) linted, 0 chart(s) failed"), "{said}");
        assert!(!said.contains("[WARNING]") && !said.contains("[ERROR]"), "{said}");
    }
    Ok(())
}

#[test]
fn wrong_values_are_refused_with_their_name() -> anyhow::Result<()> {
    let wrong = [
        (json!({}), "proxyPrincipal is required: the ARN of the IAM role or user that the proxies have"),
        (json!({"proxyPrincipal": "lambdaroute-proxy"}), "/proxyPrincipal"),
        (json!({"proxyPrincipal": "arn:aws:sts::111122223333:assumed-role/proxies/session"}), "/proxyPrincipal"),
        (json!({"proxyPrincipal": PRINCIPAL, "proxi": {}}), "'proxi' not allowed"),
        (json!({"proxyPrincipal": PRINCIPAL, "proxy": {"replicas": 3}}), "'replicas' not allowed"),
        (json!({"proxyPrincipal": PRINCIPAL, "proxy": {"image": {"digest": "1"}}}), "/proxy/image/digest"),
        (
            json!({"proxyPrincipal": PRINCIPAL, "accessPolicy": {"allowAll": true, "required": true}}),
            "accessPolicy.allowAll and accessPolicy.required contradict each other: set one of them",
        ),
        (json!({"proxyPrincipal": PRINCIPAL, "portRange": "80-90"}), "/portRange"),
        (json!({"proxyPrincipal": PRINCIPAL, "portRange": "1000-2000"}), "portRange 1000-2000 must be FIRST-LAST"),
        (json!({"proxyPrincipal": PRINCIPAL, "portRange": "20000-10000"}), "portRange 20000-10000 must be FIRST-LAST"),
        (json!({"proxyPrincipal": PRINCIPAL, "portRange": "60000-70000"}), "portRange 60000-70000 must be FIRST-LAST"),
        (json!({"proxyPrincipal": PRINCIPAL, "portRange": "8000-8999"}), "portRange 8000-8999 holds 8080"),
        (json!({"proxyPrincipal": PRINCIPAL, "portRange": "9443-9500"}), "portRange 9443-9500 holds 9443"),
        (
            json!({"proxyPrincipal": PRINCIPAL, "rbac": {"create": false}, "controller": {"secretNamespaces": ["n"]}}),
            "controller.secretNamespaces must not name the release's own namespace",
        ),
        (json!({"proxyPrincipal": PRINCIPAL, "aws": {"endpointURL": "aws.test:4566"}}), "/aws/endpointURL"),
        (json!({"proxyPrincipal": PRINCIPAL, "controller": {"driftInterval": "hourly"}}), "/controller/driftInterval"),
        (json!({"proxyPrincipal": PRINCIPAL, "aws": {"rate": {"getPolicy": 0}}}), "/aws/rate/getPolicy"),
        (json!({"proxyPrincipal": PRINCIPAL, "uninstall": {"timeLimitSeconds": "2m"}}), "/uninstall/timeLimitSeconds"),
        (
            json!({"proxyPrincipal": PRINCIPAL, "proxy": {"serviceAccount": {"create": false}}}),
            "proxy.serviceAccount.create is false: set proxy.serviceAccount.name",
        ),
        (
            json!({"proxyPrincipal": PRINCIPAL, "controller": {"secretNamespaces": "shop"}}),
            "/controller/secretNamespaces",
        ),
        (
            json!({"proxyPrincipal": PRINCIPAL, "controller": {"secretNamespaces": ["*"]}}),
            "/controller/secretNamespaces",
        ),
        (
            json!({"proxyPrincipal": PRINCIPAL, "controller": {"secretNamespaces": ["n"]}}),
            "controller.secretNamespaces must not name the release's own namespace",
        ),
        (
            json!({"proxyPrincipal": PRINCIPAL, "rbac": {"create": false}, "controller": {"secretNamespaces": ["n"]}}),
            "controller.secretNamespaces must not name the release's own namespace",
        ),
        (
            json!({"proxyPrincipal": PRINCIPAL, "proxy": {"autoscaling": {"enabled": true, "minReplicas": 5, "maxReplicas": 4}}}),
            "proxy.autoscaling.maxReplicas must not be less",
        ),
        (json!({"proxyPrincipal": PRINCIPAL, "controller": {"listenAddress": "eth0"}}), "/controller/listenAddress"),
        (json!({"proxyPrincipal": PRINCIPAL, "networkPolicy": {"adminFrom": [{}]}}), "/networkPolicy/adminFrom"),
        (
            json!({"proxyPrincipal": PRINCIPAL, "controller": {"jwks": {"privateRanges": ["10.0.0.1"]}}}),
            "/controller/jwks/privateRanges",
        ),
    ];
    for (values, message) in wrong {
        let refusal = template("r", "n", &values).err().with_context(|| format!("{values} was taken"))?;
        assert!(format!("{refusal:#}").contains(message), "{values}: {refusal:#}");
    }
    Ok(())
}

#[test]
fn images_are_named_by_tag_or_by_digest() -> anyhow::Result<()> {
    let digest = format!("sha256:{}", "0".repeat(64));
    let image =
        |objects: &[Value]| deployment(objects, "proxy")["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(image(&template("r", "n", &smallest())?), format!("ghcr.io/lambdaroute/proxy:{version}"));
    let values = json!({"proxyPrincipal": PRINCIPAL, "proxy": {"image": {"tag": "t", "digest": digest}}});
    assert_eq!(image(&template("r", "n", &values)?), format!("ghcr.io/lambdaroute/proxy@{digest}"));
    Ok(())
}

#[test]
fn the_grace_period_covers_leaving_and_draining() -> anyhow::Result<()> {
    let objects = template("r", "n", &smallest())?;
    let proxy = deployment(&objects, "proxy");
    let seconds = |flag: &str| {
        let given = arguments(proxy).into_iter().find_map(|it| it.strip_prefix(flag)?.strip_prefix('='));
        given.and_then(|text| text.strip_suffix('s')?.parse::<i64>().ok()).with_context(|| format!("no {flag}"))
    };
    let needed = seconds("--leave-timeout")? + seconds("--propagation-delay")? + seconds("--drain-timeout")?;
    let grace = &proxy["spec"]["template"]["spec"]["terminationGracePeriodSeconds"];
    assert!(grace.as_i64().is_some_and(|grace| grace > needed), "{grace} for {needed} s");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_binaries_know_every_flag_that_the_chart_gives() -> anyhow::Result<()> {
    for values in [smallest(), everything()] {
        let objects = released(values).await?;
        for (component, binary) in [("controller", Binary::Controller), ("proxy", Binary::Proxy)] {
            let help = Command::new(binary.path()?).arg("--help").output()?;
            let help = String::from_utf8(help.stdout)?;
            let known: BTreeSet<&str> = help.split([' ', '\n', ',']).filter(|word| word.starts_with("--")).collect();
            let given = arguments(deployment(&objects, component));
            assert!(given.len() >= 8, "{given:?}");
            for argument in given {
                let flag = argument.split('=').next().unwrap_or(argument);
                assert!(known.contains(flag), "{} doesn't know {flag}", binary.name());
            }
        }
        // The rest is the controller's own.
        let help = Command::new(Binary::Controller.path()?).args(["uninstall", "--help"]).output()?;
        let help = String::from_utf8(help.stdout)?;
        let job = of_kind(&objects, "Job").into_iter().next().context("there is no Job")?;
        let own: Vec<&str> = arguments(job).into_iter().skip_while(|it| *it != "uninstall").skip(1).collect();
        assert!(!own.is_empty());
        for flag in own.iter().filter_map(|argument| argument.split('=').next()) {
            assert!(help.contains(flag), "uninstall doesn't know {flag}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uninstall_begins_with_a_job_that_is_a_controller_but_for_its_end() -> anyhow::Result<()> {
    for values in [smallest(), everything()] {
        let objects = released(values).await?;
        let deployment = deployment(&objects, "controller");
        let hooks = before_deletion(&objects);
        let [job] = of_kind(&objects, "Job")[..] else { anyhow::bail!("one Job was expected") };
        assert!(hooks.contains(&job));
        let (pod, controller) = (&job["spec"]["template"], &deployment["spec"]["template"]);
        assert_eq!(pod["metadata"]["annotations"], controller["metadata"]["annotations"]);
        // The controllers' PodDisruptionBudget and Service aren't about it. The AWS role is the ServiceAccount's.
        let mut labels = controller["metadata"]["labels"].clone();
        labels["app.kubernetes.io/component"] = "uninstall".into();
        assert_eq!(pod["metadata"]["labels"], labels);
        for kind in ["PodDisruptionBudget", "NetworkPolicy", "Service", "Deployment", "PodMonitor"] {
            for object in of_kind(&objects, kind) {
                let selector =
                    [&object["spec"]["selector"]["matchLabels"], &object["spec"]["podSelector"]["matchLabels"]];
                let selector = selector.into_iter().find(|it| it.is_object()).unwrap_or(&object["spec"]["selector"]);
                let selector = selector.as_object().with_context(|| format!("{object} selects nobody"))?;
                assert!(selector.iter().any(|(key, value)| labels[key] != *value), "{object} is about the Job's Pod");
            }
        }
        for field in
            ["serviceAccountName", "securityContext", "nodeSelector", "tolerations", "affinity", "imagePullSecrets"]
        {
            assert_eq!(pod["spec"][field], controller["spec"][field], "{field}");
        }
        let (container, of_controller) = (&pod["spec"]["containers"][0], &controller["spec"]["containers"][0]);
        for field in ["image", "imagePullPolicy", "env", "securityContext", "resources"] {
            assert_eq!(container[field], of_controller[field], "{field}");
        }
        let quiet = |flag: &&str| !flag.starts_with("--log-level");
        let mut expected: Vec<&str> = arguments(deployment).into_iter().filter(quiet).collect();
        expected.extend(["uninstall", "--time-limit=120s", "--require-annotation=meta.helm.sh/release-name=r"]);
        assert_eq!(arguments(job).into_iter().filter(quiet).collect::<Vec<_>>(), expected);

        let spec = &job["spec"];
        assert_eq!((&spec["activeDeadlineSeconds"], &spec["backoffLimit"]), (&json!(270), &json!(0)), "nothing hangs");
        let annotations = &job["metadata"]["annotations"];
        assert_eq!(
            annotations["helm.sh/hook-output-log-policy"], "hook-succeeded,hook-failed",
            "Helm prints what is left"
        );
        let weight = |object: &Value| -> i64 {
            object["metadata"]["annotations"]["helm.sh/hook-weight"]
                .as_str()
                .and_then(|it| it.parse().ok())
                .unwrap_or(0)
        };
        assert_eq!(hooks.len(), 3);
        for hook in hooks {
            let policy = &hook["metadata"]["annotations"]["helm.sh/hook-delete-policy"];
            assert_eq!(policy, "before-hook-creation,hook-succeeded", "a later uninstall meets none of this one");
            assert!(hook == job || weight(hook) < weight(job), "its rights come first: {hook}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_job_before_an_uninstall_can_be_switched_off_and_given_more_time() -> anyhow::Result<()> {
    let off = json!({"proxyPrincipal": PRINCIPAL, "uninstall": {"enabled": false}});
    assert!(before_deletion(&released(off).await?).is_empty());
    let long = json!({
        "proxyPrincipal": PRINCIPAL, "log": {"level": "debug"}, "uninstall": {"timeLimitSeconds": 1800},
    });
    let objects = released(long).await?;
    let [job] = of_kind(&objects, "Job")[..] else { anyhow::bail!("one Job was expected") };
    assert_eq!(job["spec"]["activeDeadlineSeconds"], 1950);
    for flag in ["--time-limit=1800s", "--log-level=debug"] {
        assert!(arguments(job).contains(&flag), "{:?}", arguments(job));
    }
    Ok(())
}

#[test]
fn the_proxy_has_no_rights_and_one_token_for_the_controller_alone() -> anyhow::Result<()> {
    let objects = template("r", "n", &smallest())?;
    for binding in of_kind(&objects, "ClusterRoleBinding").into_iter().chain(of_kind(&objects, "RoleBinding")) {
        for subject in binding["subjects"].as_array().context("a binding without subjects")? {
            assert_eq!(subject["name"], "r-lambdaroute-controller", "{binding}");
        }
    }
    let spec = &deployment(&objects, "proxy")["spec"]["template"]["spec"];
    assert_eq!(spec["automountServiceAccountToken"], false);
    let volumes = spec["volumes"].as_array().context("no volumes")?;
    let tokens: Vec<&Value> = volumes
        .iter()
        .flat_map(|volume| volume["projected"]["sources"].as_array().into_iter().flatten())
        .map(|source| &source["serviceAccountToken"]["audience"])
        .collect();
    assert_eq!(tokens, ["lambdaroute.dev"]);
    Ok(())
}

#[test]
fn secrets_are_readable_in_the_listed_namespaces_and_nowhere_by_default() -> anyhow::Result<()> {
    let reads_secrets = |objects: &[Value]| -> Vec<(String, String)> {
        let roles = of_kind(objects, "Role").into_iter().chain(of_kind(objects, "ClusterRole"));
        let reads = roles.filter(|role| {
            let rules = role["rules"].as_array().into_iter().flatten();
            let has = |list: &Value, word: &str| list.as_array().is_some_and(|list| list.iter().any(|it| it == word));
            let mut of_secrets =
                rules.filter(|rule| has(&rule["resources"], "secrets") && rule["resourceNames"].is_null());
            of_secrets.any(|rule| ["get", "list", "watch", "*"].iter().any(|verb| has(&rule["verbs"], verb)))
        });
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        reads.map(|role| (text(&role["kind"]), text(&role["metadata"]["namespace"]))).collect()
    };
    let objects = template("r", "n", &smallest())?;
    assert_eq!(reads_secrets(&objects), []);
    assert!(!arguments(deployment(&objects, "controller")).iter().any(|it| it.starts_with("--secret-namespace")));
    let values = json!({"proxyPrincipal": PRINCIPAL, "controller": {"secretNamespaces": ["shop", "web"]}});
    let objects = template("r", "n", &values)?;
    let role = |namespace: &str| ("Role".to_owned(), namespace.to_owned());
    assert_eq!(reads_secrets(&objects), [role("shop"), role("web")]);
    let flags = arguments(deployment(&objects, "controller"));
    for flag in ["--secret-namespace=shop", "--secret-namespace=web"] {
        assert!(flags.contains(&flag), "{flags:?}");
    }
    Ok(())
}

#[test]
fn people_who_may_edit_a_namespace_may_edit_its_routes_but_not_their_status() -> anyhow::Result<()> {
    let objects = template("r", "n", &smallest())?;
    let aggregated = |to: &str| -> BTreeSet<(String, String)> {
        let label = format!("rbac.authorization.k8s.io/aggregate-to-{to}");
        let roles =
            of_kind(&objects, "ClusterRole").into_iter().filter(|it| it["metadata"]["labels"][&label] == "true");
        let words = |list: &Value| -> Vec<String> {
            list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let rules = roles.flat_map(|role| role["rules"].as_array().into_iter().flatten());
        rules
            .flat_map(|rule| {
                let verbs = words(&rule["verbs"]);
                words(&rule["resources"])
                    .into_iter()
                    .flat_map(move |resource| verbs.clone().into_iter().map(move |verb| (resource.clone(), verb)))
            })
            .collect()
    };
    let of = |resource: &str, verbs: &[&str]| -> BTreeSet<(String, String)> {
        verbs.iter().map(|verb| (resource.to_owned(), (*verb).to_owned())).collect()
    };
    let view = &of("lambdaroutes", &["get", "list", "watch"]) | &of("lambdaroutes/status", &["get"]);
    assert_eq!(aggregated("view"), view);
    let edit = &view | &of("lambdaroutes", &["create", "update", "patch", "delete", "deletecollection"]);
    assert_eq!(aggregated("edit"), edit);
    assert_eq!(aggregated("admin"), edit);
    Ok(())
}

#[test]
fn the_admin_port_is_for_whom_the_operator_names_and_for_everybody_by_default() -> anyhow::Result<()> {
    let monitoring = json!([{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]);
    for from in [None, Some(monitoring)] {
        let mut values = smallest();
        values["networkPolicy"] = json!({"enabled": true});
        if let Some(from) = &from {
            values["networkPolicy"]["adminFrom"] = from.clone();
        }
        let objects = template("r", "n", &values)?;
        let policies = of_kind(&objects, "NetworkPolicy");
        assert_eq!(policies.len(), 2);
        for policy in policies {
            let rules = policy["spec"]["ingress"].as_array().context("no rules")?;
            let admin: Vec<_> = rules.iter().filter(|rule| rule["ports"][0]["port"] == "admin").collect();
            assert_eq!(admin.len(), 1, "{policy}");
            assert_eq!(admin[0]["from"], from.clone().unwrap_or_default(), "{policy}");
        }
    }
    Ok(())
}

#[test]
fn replicas_are_an_autoscalers_where_there_is_one() -> anyhow::Result<()> {
    let replicas = |values: Value| -> anyhow::Result<(Value, Value, Vec<Value>)> {
        let mut values = values;
        values["proxyPrincipal"] = PRINCIPAL.into();
        let objects = template("r", "n", &values)?;
        let of = |component: &str| deployment(&objects, component)["spec"]["replicas"].clone();
        let scalers = of_kind(&objects, "HorizontalPodAutoscaler").into_iter().cloned().collect();
        Ok((of("controller"), of("proxy"), scalers))
    };
    assert_eq!(replicas(json!({}))?, (json!(2), json!(2), vec![]));
    let none = json!({"controller": {"replicaCount": null}, "proxy": {"replicaCount": null}});
    assert_eq!(replicas(none)?, (Value::Null, Value::Null, vec![]), "an upgrade would set them back");
    let (_, proxies, scalers) = replicas(json!({"proxy": {"autoscaling": {"enabled": true}}}))?;
    assert_eq!(proxies, Value::Null);
    let [scaler] = &scalers[..] else { anyhow::bail!("one was expected: {scalers:?}") };
    assert_eq!(scaler["spec"]["scaleTargetRef"]["name"], "r-lambdaroute-proxy");
    assert_eq!((&scaler["spec"]["minReplicas"], &scaler["spec"]["maxReplicas"]), (&json!(2), &json!(10)));
    Ok(())
}

#[test]
fn all_ports_are_bound_where_the_operator_says() -> anyhow::Result<()> {
    for (address, host) in [("::", "[::]"), ("0.0.0.0", "0.0.0.0")] {
        let listens = json!({"listenAddress": address});
        let values = json!({"proxyPrincipal": PRINCIPAL, "controller": listens, "proxy": listens});
        let objects = template("r", "n", &values)?;
        for (component, flags) in [
            ("controller", vec![format!("--route-table-address={host}:9443"), format!("--admin-address={host}:8080")]),
            ("proxy", vec![format!("--listen-address={address}"), format!("--admin-address={host}:8080")]),
        ] {
            let given = arguments(deployment(&objects, component));
            for flag in &flags {
                assert!(given.contains(&flag.as_str()), "{flag} isn't among {given:?}");
            }
        }
    }
    Ok(())
}

#[test]
fn everything_is_allowed_only_if_asked_for_and_by_nothing_that_outlives_the_controller() -> anyhow::Result<()> {
    for (values, allowed) in [(json!({}), false), (json!({"accessPolicy": {"allowAll": true}}), true)] {
        let mut values = values;
        values["proxyPrincipal"] = PRINCIPAL.into();
        let objects = template("r", "n", &values)?;
        // A hook of Helm would stay for ever, and the release can't hold an object of a kind that comes with it.
        assert!(of_kind(&objects, "LambdaAccessPolicy").is_empty());
        assert_eq!(arguments(deployment(&objects, "controller")).contains(&"--allow-all"), allowed);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_api_server_takes_every_object_and_the_pods_are_restricted() -> anyhow::Result<()> {
    let cluster = &Environment::shared().await?.cluster().await?;
    for (name, values) in [("chart-small", smallest()), ("chart-all", everything())] {
        restricted_namespace(cluster, name).await?;
        let objects = released_in(name, name, values).await?;
        assert!(objects.len() >= 14, "{} objects", objects.len());
        for object in &objects {
            let applied = cluster.apply(object, Some(name)).await;
            applied.with_context(|| format!("apply {} {}", object["kind"], object["metadata"]["name"]))?;
        }
        let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), name);
        let job = of_kind(&objects, "Job").into_iter().next().context("there is no Job")?;
        let makers = ["controller", "proxy"].map(|component| (component, deployment(&objects, component)));
        for (component, maker) in makers.into_iter().chain([("uninstall", job)]) {
            let template = &maker["spec"]["template"];
            let mut pod = template.clone();
            pod["metadata"]["name"] = component.into();
            let parameters = PostParams { dry_run: true, ..PostParams::default() };
            pods.create(&parameters, &serde_json::from_value(pod)?)
                .await
                .with_context(|| format!("a Pod of {component}"))?;
        }
        cluster.delete_namespace(name).await?;
    }
    Ok(())
}

/// A namespace of `controller.secretNamespaces`.
const LISTED: &str = "chart-rights-listed";

#[tokio::test(flavor = "multi_thread")]
async fn the_controller_may_do_what_it_does_and_nothing_more() -> anyhow::Result<()> {
    const HOME: &str = "chart-rights";
    let cluster = &Environment::shared().await?.cluster().await?;
    restricted_namespace(cluster, HOME).await?;
    cluster.namespace(LISTED).await?;
    let values = json!({
        "proxyPrincipal": PRINCIPAL, "fullnameOverride": HOME, "controller": {"secretNamespaces": [LISTED]},
    });
    let objects = released_in("r", HOME, values).await?;
    let kinds = ["ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"];
    let rights = |object: &&Value| kinds.iter().any(|kind| object["kind"] == *kind);
    for object in objects.iter().filter(rights).filter(|object| !is_before_deletion(object)) {
        cluster.apply(object, Some(HOME)).await?;
    }
    let controller = format!("system:serviceaccount:{HOME}:{HOME}-controller");
    let proxy = format!("system:serviceaccount:{HOME}:{HOME}-proxy");
    let mut asked = 0;
    for (allowed, rights) in [(true, MAY), (false, MAY_NOT)] {
        for right in rights {
            for (verb, name) in
                right.verbs.split(' ').flat_map(|verb| right.names.split(' ').map(move |name| (verb, name)))
            {
                let answer = review(cluster, &controller, right, verb, &name.replace("HOME", HOME), HOME).await?;
                assert_eq!(answer, allowed, "controller: {verb} {name} of {right:?}");
                let answer = review(cluster, &proxy, right, verb, &name.replace("HOME", HOME), HOME).await?;
                assert!(!answer, "proxy: {verb} {name} of {right:?}");
                asked += 1;
            }
        }
    }
    assert!(asked > 60, "{asked} rights were asked for");
    for (user, path, expected) in [
        (&controller, "/.well-known/openid-configuration", true),
        (&controller, "/openid/v1/jwks", true),
        (&controller, "/logs", false),
        (&proxy, "/.well-known/openid-configuration", false),
        (&proxy, "/openid/v1/jwks", false),
    ] {
        let attributes = json!({"verb": "get", "path": path});
        let answer = allowed(cluster, &json!({"user": user, "nonResourceAttributes": attributes})).await?;
        assert_eq!(answer, expected, "{user}: get {path}");
    }
    // While an uninstall runs, it may end the controllers; nothing else comes to it.
    let hooks: Vec<&Value> = before_deletion(&objects).into_iter().filter(rights).collect();
    assert_eq!(hooks.len(), 2);
    for object in hooks {
        cluster.apply(object, Some(HOME)).await?;
    }
    let scale = |name: &'static str| right("get patch", "deployments.apps/scale", "HOME", name);
    lambdaroute_tests::wait::eventually("the right to end the controllers", async || {
        let name = format!("{HOME}-controller");
        let answer = review(cluster, &controller, &scale(""), "patch", &name, HOME).await?;
        Ok(answer.then_some(()))
    })
    .await?;
    assert!(review(cluster, &controller, &scale(""), "get", &format!("{HOME}-controller"), HOME).await?);
    for name in [format!("{HOME}-proxy"), "other".to_owned(), String::new()] {
        assert!(!review(cluster, &controller, &scale(""), "patch", &name, HOME).await?, "{name}");
    }
    for right in MAY_NOT.iter().filter(|right| right.resource != "deployments.apps/scale") {
        for (verb, name) in right.verbs.split(' ').flat_map(|verb| right.names.split(' ').map(move |name| (verb, name)))
        {
            let answer = review(cluster, &controller, right, verb, &name.replace("HOME", HOME), HOME).await?;
            assert!(!answer, "while it uninstalls: {verb} {name} of {right:?}");
        }
    }
    cluster.delete_namespace(LISTED).await?;
    cluster.delete_namespace(HOME).await?;
    Ok(())
}

/// Verbs on a resource, in the release's namespace (`HOME`), in another one, or cluster-wide (empty).
#[derive(Debug)]
struct Right {
    verbs: &'static str,
    resource: &'static str,
    namespace: &'static str,
    names: &'static str,
}

const fn right(verbs: &'static str, resource: &'static str, namespace: &'static str, names: &'static str) -> Right {
    Right { verbs, resource, namespace, names }
}

const MAY: &[Right] = &[
    right("get list watch patch", "lambdaroutes.lambdaroute.dev", "shop", ""),
    right("list watch", "lambdaroutes.lambdaroute.dev", "", ""),
    right("patch", "lambdaroutes.lambdaroute.dev/status", "shop", ""),
    right("update", "lambdaroutes.lambdaroute.dev/finalizers", "shop", ""),
    right("get list watch create update patch delete", "services", "shop", ""),
    right("update", "services/finalizers", "shop", ""),
    right("get list watch create patch delete", "endpointslices.discovery.k8s.io", "shop", ""),
    right("create", "events.events.k8s.io", "shop", ""),
    right("create", "tokenreviews.authentication.k8s.io", "", ""),
    right("get", "namespaces", "", "kube-system"),
    right("list watch", "lambdaaccesspolicies.lambdaroute.dev namespaces", "", ""),
    right(
        "get",
        "customresourcedefinitions.apiextensions.k8s.io",
        "",
        "lambdaroutes.lambdaroute.dev lambdaaccesspolicies.lambdaroute.dev",
    ),
    right("create", "leases.coordination.k8s.io secrets configmaps", "HOME", ""),
    right("get update", "leases.coordination.k8s.io", "HOME", "HOME-controller"),
    right("get update", "secrets", "HOME", "HOME-route-table"),
    right("get list watch", "secrets", LISTED, ""),
    right("get update", "configmaps", "HOME", "HOME-ca HOME-ports"),
    right("list watch", "pods", "HOME", ""),
    right("get", "deployments.apps", "HOME", "HOME-controller"),
];

const MAY_NOT: &[Right] = &[
    right("create update delete deletecollection", "lambdaroutes.lambdaroute.dev", "shop", ""),
    right("deletecollection", "services endpointslices.discovery.k8s.io", "shop", ""),
    right("update", "lambdaroutes.lambdaroute.dev/status", "shop", ""),
    right("update", "endpointslices.discovery.k8s.io", "shop", ""),
    right("get list watch create update patch delete", "secrets", "shop", ""),
    right("get list watch create update patch delete", "secrets", "", ""),
    right("create update patch delete deletecollection", "secrets", LISTED, ""),
    right("get list watch", "configmaps pods serviceaccounts", LISTED, ""),
    right("list watch delete", "secrets configmaps", "HOME", ""),
    right("get update patch delete", "secrets", "HOME", "other"),
    right("get create update patch", "configmaps leases.coordination.k8s.io", "shop", ""),
    right("get list watch", "pods", "shop", ""),
    right("get create update patch delete", "pods", "HOME", ""),
    right("get list watch update patch delete", "events.events.k8s.io", "shop", ""),
    right("create", "pods/exec serviceaccounts/token", "HOME", ""),
    right("update patch delete", "deployments.apps", "HOME", "HOME-controller"),
    right("get update patch", "deployments.apps/scale", "HOME", "HOME-controller"),
    right("get", "deployments.apps", "HOME", "HOME-proxy"),
    right("create update patch delete deletecollection", "lambdaaccesspolicies.lambdaroute.dev namespaces", "", ""),
    right("get", "namespaces", "", "shop"),
    right("get list watch", "nodes", "", ""),
    right("create update patch delete", "customresourcedefinitions.apiextensions.k8s.io", "", ""),
    right("get", "customresourcedefinitions.apiextensions.k8s.io", "", "others.example.com"),
    right("create update bind escalate", "clusterroles.rbac.authorization.k8s.io", "", ""),
    right("impersonate", "serviceaccounts users", "", ""),
];

async fn review(
    cluster: &Cluster,
    user: &str,
    right: &Right,
    verb: &str,
    name: &str,
    home: &str,
) -> anyhow::Result<bool> {
    let mut all = BTreeSet::new();
    for resource in right.resource.split(' ') {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
        let attributes = json!({
            "verb": verb, "group": group, "resource": resource, "subresource": subresource, "name": name,
            "namespace": right.namespace.replace("HOME", home),
        });
        all.insert(allowed(cluster, &json!({"user": user, "resourceAttributes": attributes})).await?);
    }
    anyhow::ensure!(all.len() == 1, "{right:?} is allowed in part: ask for its resources one by one");
    Ok(all.contains(&true))
}

/// What the real API server answers to `kubectl auth can-i`, for somebody else.
async fn allowed(cluster: &Cluster, spec: &Value) -> anyhow::Result<bool> {
    let api: Api<SubjectAccessReview> = Api::all(cluster.client.clone());
    let review = api.create(&PostParams::default(), &serde_json::from_value(json!({"spec": spec}))?).await?;
    Ok(review.status.is_some_and(|status| status.allowed))
}

async fn restricted_namespace(cluster: &Cluster, name: &str) -> anyhow::Result<()> {
    cluster.namespace(name).await?;
    let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
    cluster.apply(&namespace, None).await?;
    Ok(())
}
