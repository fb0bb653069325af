//! What a contender has used: CPU time and memory of all its processes, from the kernel's own counters.

use std::fs;
use std::time::Duration;

use anyhow::Context;

/// All processes of one process group.
#[derive(Clone, Copy, Debug)]
pub struct Group(pub u32);

/// Sums over the group.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// User and system time on a CPU.
    pub cpu: Duration,
    /// Bytes resident now.
    pub resident: u64,
    /// The most bytes resident since the last reset.
    pub peak: u64,
}

impl Group {
    /// Reads the counters.
    ///
    /// # Errors
    /// When the kernel doesn't tell them.
    pub fn usage(self) -> anyhow::Result<Usage> {
        let mut usage = Usage::default();
        for process in self.processes()? {
            for thread in fs::read_dir(format!("/proc/{process}/task"))?.filter_map(Result::ok) {
                let text = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
                usage.cpu += Duration::from_nanos(first_number(&text));
            }
            let status = fs::read_to_string(format!("/proc/{process}/status"))?;
            usage.resident += kilobytes(&status, "VmRSS:") * 1024;
            usage.peak += kilobytes(&status, "VmHWM:") * 1024;
        }
        Ok(usage)
    }

    /// Makes what is resident now the peak.
    ///
    /// # Errors
    /// When the kernel doesn't let us.
    pub fn reset_peak(self) -> anyhow::Result<()> {
        for process in self.processes()? {
            let file = format!("/proc/{process}/clear_refs");
            fs::write(&file, "5").with_context(|| format!("reset the peak memory by {file}"))?;
        }
        Ok(())
    }

    fn processes(self) -> anyhow::Result<Vec<u32>> {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc")?.filter_map(Result::ok) {
            let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            if group(&stat) == Some(self.0) {
                found.push(process);
            }
        }
        Ok(found)
    }
}

/// The process group in `/proc/PID/stat`: the third field after the name, which may hold anything.
fn group(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()
}

/// Time on a CPU in nanoseconds, in `schedstat`.
fn first_number(text: &str) -> u64 {
    text.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn kilobytes(status: &str, name: &str) -> u64 {
    status.lines().find_map(|line| line.strip_prefix(name)).map_or(0, first_number)
}
