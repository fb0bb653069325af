//! Wall clocks that are wrong: a process whose time is ahead of everybody else's, or behind. A library is loaded before its libc,
//! made once by the C compiler that Rust links with.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::anyhow;

use crate::{target, toolchain};

const SOURCE: &str = include_str!("clock/shifted.c");

/// The environment of a process whose wall clock is so many seconds ahead; negative: behind.
///
/// # Errors
/// When there is no C compiler.
pub fn ahead(seconds: i64) -> anyhow::Result<Vec<(String, String)>> {
    static LIBRARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| library().map_err(|error| format!("{error:#}")));
    let library = library.as_ref().map_err(|error| anyhow!("{error}"))?;
    let library = library.to_string_lossy().into_owned();
    Ok(vec![("LD_PRELOAD".to_owned(), library), ("CLOCK_AHEAD".to_owned(), seconds.to_string())])
}

fn library() -> anyhow::Result<PathBuf> {
    // Of this process alone: another run may be making the same.
    let directory = target::run_directory("clock")?;
    let (source, library) = (directory.join("shifted.c"), directory.join("shifted.so"));
    std::fs::write(&source, SOURCE)?;
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    toolchain::run(
        Command::new(compiler).args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source),
        "make a clock that is wrong (a C compiler as cc, or named by CC, is needed)",
    )?;
    Ok(library)
}
