//! The Dockerfile can't be built by the tests: what it copies and runs is there at least, and both lists of it agree.

use std::fs;

use crate::files::top;

fn words(instruction: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(top().join("Dockerfile")).unwrap().replace("\\\n", " ");
    let lines = text.lines().filter_map(|line| line.strip_prefix(instruction));
    lines.map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

#[test]
fn what_the_dockerfile_copies_exists_and_is_in_the_build_context() {
    let ignored = fs::read_to_string(top().join(".dockerignore")).unwrap();
    let mut copied = 0;
    for words in words("COPY ").iter().filter(|words| !words[0].starts_with("--")) {
        for source in &words[..words.len() - 1] {
            assert!(top().join(source).exists(), "the Dockerfile copies {source}, which isn't there");
            assert!(ignored.lines().any(|line| line == format!("!{source}")), ".dockerignore keeps {source} out");
            copied += 1;
        }
    }
    let manifest = fs::read_to_string(top().join("Cargo.toml")).unwrap();
    let members = manifest.lines().find_map(|line| line.strip_prefix("members = ")).unwrap();
    for member in members.split('"').skip(1).step_by(2) {
        let folder = member.split('/').next().unwrap();
        assert!(words("COPY ").iter().any(|words| words[0] == folder), "cargo needs {folder} for the workspace");
    }
    assert!(copied >= 6, "{copied} sources are copied");
}

#[test]
fn each_image_runs_the_binary_that_its_stage_copies() {
    let text = fs::read_to_string(top().join("Dockerfile")).unwrap();
    for program in ["controller", "proxy"] {
        let package = fs::read_to_string(top().join(program).join("Cargo.toml")).unwrap();
        let binary = format!("lambdaroute-{program}");
        assert!(package.contains(&format!("name = \"{binary}\"")), "{program}/Cargo.toml doesn't name {binary}");
        let stage = text.split(&format!("FROM base AS {program}\n")).nth(1).unwrap();
        let stage = stage.split("FROM ").next().unwrap();
        assert!(stage.contains(&format!("COPY --from=build /out/{binary} /{binary}\n")), "{stage}");
        assert!(stage.contains(&format!("ENTRYPOINT [\"/{binary}\"]")), "{stage}");
        assert!(text.contains(&format!("-p {binary}")), "the Dockerfile doesn't build {binary}");
    }
    assert!(text.contains("FROM scratch AS base") && text.contains("\nUSER 65532:65532\n"), "final stages");
}

#[test]
fn the_image_is_built_with_the_pinned_toolchain() {
    let toolchain = fs::read_to_string(top().join("rust-toolchain.toml")).unwrap();
    let channel = toolchain.lines().find_map(|line| line.strip_prefix("channel = ")).unwrap().trim_matches('"');
    assert_eq!(words("FROM ")[0], [&format!("rust:{channel}-slim-bookworm"), "AS", "build"]);
}
