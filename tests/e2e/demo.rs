//! The demo tells in one sentence what it lacks.

use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use lambdaroute_tests::toolchain;

/// Runs `cargo demo -- --check` with another `PATH` and gives what it complains of.
fn complaint(path: &Path) -> anyhow::Result<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_demo")).arg("--check").env("PATH", path).output()?;
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr)?;
    assert_eq!(said.lines().count(), 1, "one sentence: {said}");
    assert!(!said.contains("panicked") && !said.contains("stack backtrace"), "{said}");
    Ok(said)
}

fn link(name: &str, directory: &Path) -> anyhow::Result<()> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).map(|path| path.join(name)).find(|path| path.exists());
    symlink(found.unwrap(), directory.join(name))?;
    Ok(())
}

#[test]
fn without_go_or_python_it_says_what_to_install() -> anyhow::Result<()> {
    toolchain::go()?;
    let directory = tempfile::tempdir()?;
    assert!(complaint(directory.path())?.contains("install Go 1.26 or later"));
    link("go", directory.path())?;
    assert!(complaint(directory.path())?.contains("install Python 3.11 or later"));
    Ok(())
}

#[test]
fn a_port_that_is_taken_is_named() -> anyhow::Result<()> {
    let _taken = TcpListener::bind("127.0.0.3:9902")?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    assert!(complaint(Path::new(&path))?.contains("127.0.0.3:9902 is taken"));
    Ok(())
}
