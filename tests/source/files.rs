//! The files of the checkout, as git would list them: no build output, nothing hidden.

use std::fs;
use std::path::{Path, PathBuf};

/// The top of the checkout.
pub(crate) fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A Rust file: its path from the top, with `/`, and its text.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// Tests beside the code, and what is made for tests alone.
    pub(crate) fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/") || self.path.starts_with("tests/")
    }

    /// The `//!` lines that it opens with.
    pub(crate) fn head(&self) -> String {
        self.text.lines().take_while(|line| line.starts_with("//!")).collect::<Vec<_>>().join("\n")
    }
}

/// All Rust files below some folders of the checkout, by path.
pub(crate) fn rust(folders: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    for folder in folders {
        walk(&top().join(folder), folder, &mut found);
    }
    assert!(!found.is_empty(), "no Rust files below {folders:?}");
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// All folders that hold Rust files.
pub(crate) const ALL: [&str; 5] = ["admin", "crds", "proxy", "controller", "tests"];

fn walk(folder: &Path, path: &str, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{path}/{name}");
        if entry.file_type().unwrap().is_dir() {
            if name != "target" && !name.starts_with('.') {
                walk(&entry.path(), &path, found);
            }
        } else if name.ends_with(".rs") {
            found.push(Source { path, text: fs::read_to_string(entry.path()).unwrap() });
        }
    }
}
