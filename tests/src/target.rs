//! Where the environment keeps what it built and what a run leaves behind: below cargo's target directory, nowhere else.

use std::fs::File;
use std::path::{Path, PathBuf};

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

/// A new directory for one run's state and logs. It is kept, so that a failure can be looked into; the oldest runs go.
///
/// # Errors
/// When it can't be made.
pub fn run_directory(name: &str) -> anyhow::Result<PathBuf> {
    const KEPT: usize = 8;
    let runs = cache().join("runs");
    std::fs::create_dir_all(&runs).with_context(|| format!("create {}", runs.display()))?;
    let mut old: Vec<_> = std::fs::read_dir(&runs)?
        .filter_map(Result::ok)
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    old.sort();
    for (_, path) in old.iter().rev().skip(KEPT).filter(|(_, path)| !is_in_use(path)) {
        // Another run may be removing it as well.
        let _ = std::fs::remove_dir_all(path);
    }
    let directory = runs.join(format!("{name}-{}-{:04x}", std::process::id(), rand::random::<u16>()));
    std::fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
    Ok(directory)
}

/// Whether the process that a run's directory is named after lives.
fn is_in_use(run: &Path) -> bool {
    let name = run.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let pid = name.rsplit('-').nth(1).unwrap_or_default();
    Path::new("/proc").join(pid).exists() && !pid.is_empty()
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
