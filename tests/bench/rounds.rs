//! Measures in rounds: each round measures every cell once, so that a machine that slows down slows all of them.

use std::time::Duration;

use lambdaroute_load::{Load, Until, run};

use crate::contenders::{Contenders, Entrance, Who};
use crate::upstream::Transport;
use crate::workload::Workload;

/// What one round found in one cell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Requests per second.
    pub(crate) rate: f64,
    /// Of the contender, per request; 0 without one.
    pub(crate) cpu: Duration,
    /// Of the contender, in bytes.
    pub(crate) peak: u64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// All rounds of one contender at one workload.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) transport: Transport,
    pub(crate) workload: Workload,
    pub(crate) who: Who,
    pub(crate) samples: Vec<Sample>,
}

/// Measures the cells of these workloads.
pub(crate) fn measure(
    contenders: &Contenders,
    workloads: &[Workload],
    rounds: u32,
    duration: Duration,
) -> anyhow::Result<Vec<Cell>> {
    let mut cells = Vec::new();
    for &workload in workloads {
        for &Entrance { who, transport, .. } in &contenders.entrances {
            cells.push(Cell { transport, workload, who, samples: Vec::new() });
        }
    }
    for &workload in workloads {
        for entrance in &contenders.entrances {
            sample(entrance, workload, duration / 4)?;
        }
    }
    for round in 0..rounds {
        for &workload in workloads {
            let mut order = contenders.entrances.clone();
            // Nobody is always the first after somebody else.
            let first = round as usize % order.len();
            order.rotate_left(first);
            for entrance in &order {
                let found = sample(entrance, workload, duration)?;
                let cell = cells.iter_mut().find(|cell| {
                    (cell.transport, cell.workload, cell.who) == (entrance.transport, workload, entrance.who)
                });
                if let Some(cell) = cell {
                    cell.samples.push(found);
                }
            }
        }
    }
    Ok(cells)
}

fn sample(entrance: &Entrance, workload: Workload, duration: Duration) -> anyhow::Result<Sample> {
    let request = workload.request();
    let load = Load {
        target: entrance.target,
        request: &request,
        connections: workload.connections(),
        rate: workload.rate(),
        until: Until::Elapsed(duration),
    };
    let before = match entrance.group {
        Some(group) => {
            group.reset_peak()?;
            group.usage()?
        }
        None => Default::default(),
    };
    let outcome = run(&load)?;
    let after = entrance.group.map(|group| group.usage()).transpose()?.unwrap_or_default();
    let requests = u32::try_from(outcome.requests).unwrap_or(u32::MAX).max(1);
    Ok(Sample {
        rate: f64::from(requests) / outcome.elapsed.as_secs_f64(),
        cpu: after.cpu.saturating_sub(before.cpu) / requests,
        peak: after.peak,
        p50: outcome.latencies.percentile(0.5),
        p99: outcome.latencies.percentile(0.99),
    })
}
