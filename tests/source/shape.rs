//! The shape of files: small rooms that say what they are for, each of them compiled.

use crate::files::{ALL, Source, rust};

/// From here on a file needs a reason.
const LONG: usize = 300;

#[test]
fn every_file_opens_with_what_it_is_for() {
    let silent: Vec<String> =
        rust(&ALL).into_iter().filter(|source| !source.text.starts_with("//! ")).map(|source| source.path).collect();
    assert!(silent.is_empty(), "these don't open with //!: {silent:#?}");
}

#[test]
fn a_long_file_gives_its_reason() {
    for source in rust(&ALL).iter().filter(|source| !source.is_test()) {
        let lines = source.text.lines().count();
        let reason = source.head().contains("300 lines");
        assert!(
            lines <= LONG || reason,
            "{}: {lines} lines; split it, or say at its head why more than {LONG} lines",
            source.path
        );
    }
}

#[test]
fn modules_are_named_files() {
    for source in rust(&ALL) {
        assert!(!source.path.ends_with("/mod.rs"), "{}: name the file after its module", source.path);
        for name in ["utils", "util", "helpers", "helper", "common", "misc"] {
            assert!(!source.path.ends_with(&format!("/{name}.rs")), "{}: says nothing of what is in it", source.path);
        }
    }
}

#[test]
fn every_file_is_compiled() {
    let sources = rust(&ALL);
    let mut orphans = Vec::new();
    for source in &sources {
        let Some(parents) = parents(&source.path) else { continue };
        let (_, stem) = source.path.trim_end_matches(".rs").rsplit_once('/').unwrap();
        let declaration = format!("mod {stem};");
        let declares = |parent: &Source| {
            let mut lines = parent.text.lines().map(str::trim);
            lines.any(|line| line.ends_with(&declaration) && !line.starts_with("//"))
        };
        if !sources.iter().any(|parent| parents.contains(&parent.path) && declares(parent)) {
            orphans.push(format!("{}: not in {parents:?}", source.path));
        }
    }
    assert!(orphans.is_empty(), "these are never compiled: {orphans:#?}");
}

/// The files that may declare the module of this one. `None`: it is the root of a target.
fn parents(path: &str) -> Option<Vec<String>> {
    let (folder, name) = path.rsplit_once('/')?;
    if ["/bin", "/benches", "/examples"].iter().any(|own| folder.ends_with(own)) || name == "build.rs" {
        return None;
    }
    let (above, last) = folder.rsplit_once('/').unwrap_or((folder, ""));
    let root = last == "src" || above == "tests" || above.ends_with("/tests");
    if root && ["lib.rs", "main.rs"].contains(&name) {
        return None;
    }
    if root {
        return Some(vec![format!("{folder}/lib.rs"), format!("{folder}/main.rs")]);
    }
    Some(vec![format!("{folder}.rs")])
}
