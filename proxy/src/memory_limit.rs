//! How much memory the process may have: the limit of its cgroup (v2 or v1) and of all around it, or the machine's memory.

use std::path::{Path, PathBuf};

const CGROUPS: &str = "/sys/fs/cgroup";

/// Bytes.
pub(crate) fn memory_limit() -> u64 {
    let system = rustix::system::sysinfo();
    let machine = u64::from(system.mem_unit).saturating_mul(system.totalram);
    let membership = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let read = |file: PathBuf| std::fs::read_to_string(file).ok();
    files(Path::new(CGROUPS), &membership)
        .into_iter()
        .filter_map(read)
        .filter_map(|text| limit(&text))
        .fold(machine, u64::min)
}

/// The files that may hold a limit: of the process's group and of those around it, as far as they can be seen. `membership`:
/// /proc/self/cgroup. In a container the group often is the root of what is mounted, whatever its path says.
fn files(root: &Path, membership: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in membership.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let (root, name) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            _ if controllers.split(',').any(|controller| controller == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes")
            }
            _ => continue,
        };
        for group in Path::new(path.trim_start_matches('/')).ancestors() {
            files.push(root.join(group).join(name));
        }
    }
    files
}

/// `max` is none; v1 says a number that no machine has.
fn limit(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests;
