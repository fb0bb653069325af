//! Where the environment keeps what it built and what a run leaves behind: below cargo's target directory, nowhere else.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;

/// The repository's root.
pub fn repository() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// Cargo's target directory.
pub fn directory() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(path) => repository().join(path),
        None => repository().join("target"),
    }
}

/// What is built once and kept: the control plane, helm, the Python environment.
pub fn cache() -> PathBuf {
    directory().join("embedded")
}

/// A new directory for one run's state and logs. It is kept, so that a failure can be looked into; those of the oldest
/// processes go, unless they still run.
///
/// # Errors
/// When it can't be made.
pub fn run_directory(name: &str) -> anyhow::Result<PathBuf> {
    let runs = cache().join("runs");
    std::fs::create_dir_all(&runs).with_context(|| format!("create {}", runs.display()))?;
    let found = std::fs::read_dir(&runs)?
        .filter_map(Result::ok)
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    for path in outdated(found, |process| Path::new("/proc").join(process.to_string()).exists()) {
        // Another run may be removing it as well.
        let _ = std::fs::remove_dir_all(path);
    }
    let directory = runs.join(format!("{name}-{}-{:04x}", std::process::id(), rand::random::<u16>()));
    std::fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
    Ok(directory)
}

/// Which run directories may go: not those of the last processes, however many each made, and never those of a live one.
fn outdated(mut found: Vec<(SystemTime, PathBuf)>, lives: impl Fn(u32) -> bool) -> Vec<PathBuf> {
    const KEPT: usize = 8;
    found.sort();
    let mut kept = BTreeSet::new();
    let mut outdated = Vec::new();
    for (_, path) in found.into_iter().rev() {
        let Some(process) = process_of(&path) else { continue };
        if lives(process) || kept.contains(&process) {
            continue;
        }
        if kept.len() < KEPT {
            kept.insert(process);
        } else {
            outdated.push(path);
        }
    }
    outdated
}

/// The process in the name of its run directory.
fn process_of(directory: &Path) -> Option<u32> {
    directory.file_name()?.to_str()?.rsplit('-').nth(1)?.parse().ok()
}

/// Runs `make` unless its product is there; other processes wait for the one that makes it.
///
/// # Errors
/// When `make` fails, or the lock can't be had.
pub fn once(product: &Path, make: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let directory = product.parent().context("a product has a directory")?;
    std::fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    let lock = File::create(product.with_extension("lock"))?;
    lock.lock().with_context(|| format!("wait for {}", product.display()))?;
    if product.exists() { Ok(()) } else { make() }
}

#[cfg(test)]
mod tests {
    //! Which runs are kept.

    use std::path::PathBuf;
    use std::time::{Duration, SystemTime};

    use super::outdated;

    fn run(age: u64, name: &str) -> (SystemTime, PathBuf) {
        (SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 - age), PathBuf::from("runs").join(name))
    }

    #[test]
    fn a_process_that_runs_keeps_all_its_directories_however_old() {
        let mut found: Vec<_> = (0..20).map(|age| run(age, &format!("table-7-{age:04x}"))).collect();
        found.push(run(99, "test-7-ffff"));
        found.extend((30..40).map(|age| run(age, &format!("test-{age}-0000"))));
        assert_eq!(
            outdated(found, |process| process == 7),
            ["runs/test-38-0000", "runs/test-39-0000"].map(PathBuf::from)
        );
    }

    #[test]
    fn many_directories_of_one_process_are_one_run() {
        let mut found: Vec<_> = (0..20).map(|age| run(age, &format!("table-7-{age:04x}"))).collect();
        found.push(run(99, "test-5-0000"));
        assert_eq!(outdated(found, |_| false), Vec::<PathBuf>::new());
    }
}
