//! The docs beside the code: closed lists are told whole, links lead somewhere, manifests are manifests.

use std::fs;

use lambdaroute_crds::condition::{ConditionType, Reason};
use lambdaroute_crds::{LambdaAccessPolicy, LambdaRoute};
use lambdaroute_proxy_config::cause::Cause;

use crate::files::top;

const DOCS: [&str; 7] = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/benchmarks.md",
    "docs/iam.md",
    "docs/problems.md",
    "crds/README.md",
];

/// Reasons of fields that this version refuses.
const LATER: [Reason; 3] = [Reason::SecretNotFound, Reason::RefNotPermitted, Reason::KeysUnavailable];

/// Conditions whose reasons are those of the others.
const UNTOLD: [ConditionType; 2] = [ConditionType::Reconciling, ConditionType::Stalled];

fn read(path: &str) -> String {
    fs::read_to_string(top().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_readme_tells_every_condition_reason_and_cause() {
    let readme = read("README.md");
    let (_, troubleshooting) = readme.split_once("## Troubleshooting").unwrap();
    for condition in ConditionType::ALL.iter().filter(|condition| !UNTOLD.contains(condition)) {
        assert!(troubleshooting.contains(&format!("| {condition} |")), "the README doesn't tell {condition}");
    }
    // What says that all is well needs no remedy.
    let well = ["Accepted", "ResolvedRefs", "Valid", "Synced", "Observed", "Programmed", "Ready"];
    for reason in Reason::ALL.iter().filter(|reason| !LATER.contains(reason) && !well.contains(&reason.as_str())) {
        assert!(troubleshooting.contains(&format!("`{reason}`")), "the README has no remedy for {reason}");
    }
    for cause in Cause::ALL {
        let (word, status) = (cause.as_str(), cause.status());
        assert!(readme.contains(&format!("`{word}` {status}")), "the README doesn't tell {word} {status}");
    }
}

#[test]
fn links_within_the_docs_lead_somewhere() {
    let mut followed = 0;
    for path in DOCS {
        let text = read(path);
        let folder = top().join(path).parent().unwrap().to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { top().join(path) } else { folder.join(file) };
            assert!(target.exists(), "{path} links to {link}, which isn't there");
            if !anchor.is_empty() {
                let text = fs::read_to_string(&target).unwrap();
                let headings = text.lines().filter(|line| line.starts_with('#'));
                let found = headings.map(slug).any(|slug| slug == anchor);
                assert!(found, "{path} links to {link}, and there is no such heading");
            }
            followed += 1;
        }
    }
    assert!(followed > 15, "{followed} links");
}

fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_manifest_in_the_readme_and_the_examples_is_of_a_kind_of_ours() {
    let readme = read("README.md");
    let blocks = readme.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let ours = |text: &&str| text.contains("kind: LambdaRoute") || text.contains("kind: LambdaAccessPolicy");
    let mut manifests: Vec<String> = blocks.filter(ours).map(str::to_owned).collect();
    assert!(manifests.len() >= 3, "the README lost its manifests");
    let examples = fs::read_dir(top().join("examples")).unwrap();
    manifests.extend(examples.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()));
    assert!(manifests.len() >= 4, "two examples at least");
    for manifest in manifests {
        let written: serde_json::Value = serde_yaml_ng::from_str(&manifest).unwrap();
        let read = match written["kind"].as_str() {
            Some("LambdaAccessPolicy") => read_back::<LambdaAccessPolicy>(&manifest),
            _ => read_back::<LambdaRoute>(&manifest),
        };
        assert_eq!(read["spec"], written["spec"], "a field that doesn't exist");
    }
}

fn read_back<K: serde::de::DeserializeOwned + serde::Serialize>(manifest: &str) -> serde_json::Value {
    let object: K = serde_yaml_ng::from_str(manifest).unwrap_or_else(|e| panic!("{e}: {manifest}"));
    serde_json::to_value(&object).unwrap()
}
