//! The benchmark is one command, and the docs tell it with a run of it.

use std::fs;

use crate::files::top;

fn read(path: &str) -> String {
    fs::read_to_string(top().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_documented_command_is_an_alias_of_the_benchmark() {
    let alias = "benchmark = \"run --quiet -p lambdaroute-tests --bin benchmark --\"";
    assert!(read(".cargo/config.toml").contains(alias), "cargo benchmark isn't the benchmark");
    assert!(read("tests/Cargo.toml").contains("name = \"benchmark\"\npath = \"bench/main.rs\""), "the binary is gone");
    for path in ["docs/benchmarks.md", "CONTRIBUTING.md"] {
        assert!(read(path).contains("cargo benchmark"), "{path} doesn't tell the command");
    }
}

#[test]
fn the_documented_results_judge_every_target() {
    let results = read("docs/benchmarks.md");
    let targets = read("tests/bench/targets.rs");
    // Those whose words stand in the source as the report prints them.
    let told = targets.split('"').filter(|text| {
        ["CPU of a small", "requests a second of", "instructions in", "system calls a", "memory ", "10,000 routes"]
            .iter()
            .any(|start| text.starts_with(start))
    });
    let mut judged = 0;
    for what in told {
        let row = results.lines().find(|line| line.starts_with(&format!("| {what} |")));
        let row = row.unwrap_or_else(|| panic!("docs/benchmarks.md has no row for: {what}"));
        assert!(row.ends_with("| met |") || row.ends_with("| **missed** |"), "{row}");
        judged += 1;
    }
    assert!(judged >= 7, "{judged} targets");
}
