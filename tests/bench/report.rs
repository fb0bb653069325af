//! The report: Markdown, to be pasted as it is.

use std::fmt::{self, Display, Formatter};
use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::contenders::Who;
use crate::figures::Figures;
use crate::median::median;
use crate::rounds::{Cell, Sample};
use crate::targets::{Target, of_cells, of_figures};
use crate::upstream::Transport;
use crate::workload::Workload;
use crate::{envoy, nginx};

/// Where and when it is measured.
pub(crate) fn machine() -> anyhow::Result<String> {
    let processors = fs::read_to_string("/proc/cpuinfo")?;
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown processor", |(_, model)| model.trim());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let tcp = fs::read_to_string("/proc/sys/net/ipv4/tcp_congestion_control")?;
    let cores = processors.lines().filter(|line| line.starts_with("processor")).count();
    Ok(format!(
        "{model}, {cores} cores, Linux {}, TCP {}; {}; load before: {}",
        kernel.trim(),
        tcp.trim(),
        jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC"),
        load.split(' ').next().unwrap_or_default(),
    ))
}

/// What was measured, where and when.
pub(crate) struct Report {
    machine: String,
    pub(crate) cells: Vec<Cell>,
    pub(crate) figures: Option<Figures>,
}

impl Report {
    /// Looks at the machine.
    pub(crate) fn begin() -> anyhow::Result<Self> {
        let version = Command::new(nginx::program()?).arg("-v").output()?;
        let version = String::from_utf8_lossy(&version.stderr).trim().replace("nginx version: nginx/", "nginx ");
        let machine = format!("{}; {version}, {}", machine()?, envoy::version(),);
        Ok(Self { machine, cells: Vec::new(), figures: None })
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let rounds = self.cells.first().map_or(0, |cell| cell.samples.len());
        writeln!(f, "{}; medians of {rounds} rounds.\n", self.machine)?;
        let mut targets = if self.cells.is_empty() { vec![] } else { of_cells(&self.cells) };
        targets.extend(self.figures.iter().flat_map(of_figures));
        writeln!(f, "| what | target | measured | |\n|---|---|---|---|")?;
        for target in &targets {
            line(f, target)?;
        }
        for transport in Transport::ALL {
            for workload in Workload::ALL {
                table(f, &self.cells, transport, workload)?;
            }
        }
        Ok(())
    }
}

fn line(f: &mut Formatter<'_>, target: &Target) -> fmt::Result {
    let Target { what, limit, least, measured, unit } = target;
    let sign = if *least { "≥" } else { "≤" };
    let measured = if *measured >= 1000.0 { format!("{measured:.0}") } else { format!("{measured:.2}") };
    let met = if target.is_met() { "met" } else { "**missed**" };
    writeln!(f, "| {what} | {sign} {limit}{unit} | {measured}{unit} | {met} |")
}

fn table(f: &mut Formatter<'_>, cells: &[Cell], transport: Transport, workload: Workload) -> fmt::Result {
    let cells: Vec<&Cell> =
        cells.iter().filter(|cell| (cell.transport, cell.workload) == (transport, workload)).collect();
    if cells.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n### {}, {}\n", workload.title(), transport.title())?;
    writeln!(f, "| | req/s | CPU a request | peak memory | p50 | p99 |\n|---|---|---|---|---|---|")?;
    for cell in cells {
        let middle = |value: fn(&Sample) -> f64| median(cell.samples.iter().map(value));
        let microseconds = |value: fn(&Sample) -> f64| format!("{:.0} µs", middle(value) * 1e6);
        let rate = middle(|sample| sample.rate);
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        let peak = middle(|sample| sample.peak as f64) / 1e6;
        let of_proxy = |text: String| if cell.who == Who::Direct { "–".to_owned() } else { text };
        writeln!(
            f,
            "| {} | {rate:.0} | {} | {} | {} | {} |",
            cell.who.title(),
            of_proxy(format!("{:.1} µs", middle(|sample| sample.cpu.as_secs_f64()) * 1e6)),
            of_proxy(format!("{peak:.1} MB")),
            microseconds(|sample| seconds(sample.p50)),
            microseconds(|sample| seconds(sample.p99)),
        )?;
    }
    Ok(())
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
