//! Which crate may import which, and where the AWS SDK and the Kubernetes client may be named.

use std::collections::BTreeSet;
use std::process::Command;

use crate::files::{rust, top};

/// Each crate of ours and those of ours that it may depend on, for whatever purpose.
const ALLOWED: [(&str, &[&str]); 7] = [
    ("lambdaroute-admin", &[]),
    ("lambdaroute-crds", &[]),
    ("lambdaroute-proxy-config", &[]),
    ("lambdaroute-proxy", &["lambdaroute-admin", "lambdaroute-proxy-config"]),
    ("lambdaroute-controller", &["lambdaroute-admin", "lambdaroute-crds", "lambdaroute-proxy-config"]),
    ("lambdaroute-load", &[]),
    ("lambdaroute-tests", &["lambdaroute-crds", "lambdaroute-proxy-config", "lambdaroute-load"]),
];

/// The AWS SDK for Rust, by the names of its crates. `aws_sigv4` and `aws_credential_types` are values and a function of
/// them, without any I/O: they aren't what this rule is about.
const SDK: [&str; 5] = ["aws_sdk_", "aws_config", "aws_smithy_", "aws_types", "aws_runtime"];

fn cargo(arguments: &[&str]) -> String {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let output = command.args(arguments).current_dir(top()).output().unwrap();
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn crates_import_only_what_the_design_allows() {
    let metadata: serde_json::Value =
        serde_json::from_str(&cargo(&["metadata", "--no-deps", "--locked", "--format-version", "1"])).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let names: BTreeSet<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    assert_eq!(names, ALLOWED.iter().map(|(name, _)| *name).collect(), "a new crate needs its line here");
    for (name, allowed) in ALLOWED {
        let package = packages.iter().find(|package| package["name"] == name).unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            let dependency = dependency["name"].as_str().unwrap();
            assert!(!names.contains(dependency) || allowed.contains(&dependency), "{name} imports {dependency}");
        }
    }
}

#[test]
fn no_kubernetes_client_is_in_the_proxys_dependency_tree() {
    let tree = cargo(&["tree", "--locked", "-p", "lambdaroute-proxy", "--edges", "normal,build", "--prefix", "none"]);
    let crates: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains("hyper"), "cargo tree says nothing of use: {tree}");
    for name in crates {
        assert!(!name.starts_with("kube") && !name.starts_with("k8s-"), "the proxy depends on {name}");
    }
}

#[test]
fn one_module_of_each_binary_names_the_aws_sdk() {
    for folder in ["controller/src", "proxy/src"] {
        let mut modules = BTreeSet::new();
        for source in rust(&[folder]) {
            let named = source.text.lines().filter(|line| !line.trim_start().starts_with("//"));
            if named.flat_map(|line| SDK.iter().map(move |name| line.contains(name))).any(|named| named) {
                let below = source.path.trim_start_matches(folder).trim_start_matches('/');
                modules.insert(below.split(['/', '.']).next().unwrap().to_owned());
            }
        }
        assert!(modules.len() <= 1, "{folder}: the AWS SDK is named in {modules:?}");
        assert!(!modules.contains("main") && !modules.contains("lib"), "{folder}: the AWS SDK is named at the root");
    }
}

#[test]
fn the_tests_never_run_code_of_the_binaries_in_process() {
    for source in rust(&["tests"]) {
        for name in ["lambdaroute_controller::", "lambdaroute_proxy::"] {
            let name = name.to_owned();
            assert!(!source.text.contains(&format!("use {name}")), "{} uses {name}", source.path);
        }
    }
}
