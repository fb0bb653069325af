//! What the proxy is to be, as ratios within one run, and what it is. Pure.

use crate::contenders::Who;
use crate::figures::Figures;
use crate::median::median;
use crate::rounds::{Cell, Sample};
use crate::upstream::Transport;
use crate::workload::Workload;

const MB: f64 = 1_000_000.0;

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) what: String,
    pub(crate) limit: f64,
    /// Whether the limit is the least, not the most.
    pub(crate) least: bool,
    pub(crate) measured: f64,
    pub(crate) unit: &'static str,
}

impl Target {
    fn most(what: impl Into<String>, limit: f64, measured: f64, unit: &'static str) -> Self {
        Self { what: what.into(), limit, least: false, measured, unit }
    }

    pub(crate) fn is_met(&self) -> bool {
        if self.least { self.measured >= self.limit } else { self.measured <= self.limit }
    }
}

/// Those of the tables.
pub(crate) fn of_cells(cells: &[Cell]) -> Vec<Target> {
    use Workload::{Get, Paced, Post5M, Post100K};
    let cpu = |sample: &Sample| sample.cpu.as_secs_f64();
    let mut targets = vec![
        Target::most(
            "CPU of a small signed GET, against nginx passing through",
            1.25,
            ratio(cells, Get, (Who::LambdaRoute, Who::Nginx), cpu),
            "",
        ),
        Target {
            least: true,
            ..Target::most(
                "requests a second of small signed GETs on one core, against Envoy with signing, key and limit",
                2.2,
                ratio(cells, Get, (Who::LambdaRoute, Who::Envoy), |sample| sample.rate),
                "",
            )
        },
    ];
    for (workload, name, limit) in [(Post100K, "100 KiB", 0.8), (Post5M, "5 MiB", 1.0)] {
        let what = format!("CPU of a signed POST of {name}, against Envoy signing");
        targets.push(Target::most(what, limit, ratio(cells, workload, (Who::LambdaRoute, Who::Envoy), cpu), ""));
    }
    for (workload, name) in [(Post100K, "100 KiB"), (Post5M, "5 MiB")] {
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        let bodies = (workload.connections() * workload.body()) as f64;
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        let peak = samples(cells, workload, Who::LambdaRoute).map(|sample| sample.peak as f64).fold(f64::NAN, f64::max);
        let what = format!("peak memory at POST {name}, beyond the bodies in flight");
        targets.push(Target::most(what, 10.0, (peak - bodies) / MB, " MB"));
    }
    for (name, limit, latency) in [
        ("p50", 1.5, (|sample: &Sample| sample.p50.as_secs_f64()) as fn(&Sample) -> f64),
        ("p99", 1.4, |sample: &Sample| sample.p99.as_secs_f64()),
    ] {
        let [direct, nginx, own] =
            [Who::Direct, Who::Nginx, Who::LambdaRoute].map(|who| median(samples(cells, Paced, who).map(latency)));
        let what = format!("latency added at {} req/s, {name}, against what nginx adds", crate::workload::RATE);
        targets.push(Target::most(what, limit, (own - direct) / (nginx - direct), ""));
    }
    // Of a workload that wasn't measured there is no number.
    targets.retain(|target| target.measured.is_finite());
    targets
}

/// Those of the proxy alone.
pub(crate) fn of_figures(figures: &Figures) -> Vec<Target> {
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let idle = figures.idle as f64 / MB;
    let counted = [
        ("instructions in user space a small signed GET", 90_000.0, figures.instructions),
        ("system calls a request", 4.5, figures.system_calls),
    ];
    let counted = counted.into_iter().filter_map(|(what, most, found)| Some(Target::most(what, most, found?, "")));
    counted
        .chain([
            Target::most("memory when idle, 1 route", 8.0, idle, " MB"),
            Target::most("memory for each further route", 4.0, figures.per_route / 1000.0, " KB"),
            Target::most("10,000 routes loaded", 1.0, figures.loaded.as_secs_f64(), " s"),
        ])
        .collect()
}

/// The median of the rounds' ratios: a machine that slows down slows both of a round.
fn ratio(cells: &[Cell], workload: Workload, (above, below): (Who, Who), value: impl Fn(&Sample) -> f64) -> f64 {
    let above = samples(cells, workload, above);
    median(above.zip(samples(cells, workload, below)).map(|(above, below)| value(above) / value(below)))
}

fn samples(cells: &[Cell], workload: Workload, who: Who) -> impl Iterator<Item = &Sample> {
    cells
        .iter()
        .filter(move |cell| (cell.transport, cell.workload, cell.who) == (Transport::Plain, workload, who))
        .flat_map(|cell| &cell.samples)
}
