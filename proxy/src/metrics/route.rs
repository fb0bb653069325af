//! One route's counters, found by places in arrays: a request takes no lock and makes no label. What no request has touched
//! costs next to nothing, and is not told.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use lambdaroute_proxy_config::cause::Cause;

use crate::limit::buckets::Buckets;
use crate::metrics::histogram::Durations;
use crate::metrics::label::{CodeClass, MethodLabel};

const METHODS: usize = MethodLabel::ALL.len();
const CODES: usize = CodeClass::ALL.len();
const CAUSES: usize = Cause::ALL.len();

/// By class of status code.
type ByCode = [AtomicU64; CODES];

/// The requests of one method.
#[derive(Debug, Default)]
struct Row {
    /// The function's own answers.
    own: ByCode,
    /// By cause.
    caused: OnceLock<Box<[ByCode; CAUSES]>>,
}

/// A request that has been answered to the end, as it is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered {
    pub(crate) method: MethodLabel,
    pub(crate) code: CodeClass,
    /// None: the function's own answer.
    pub(crate) cause: Option<Cause>,
    /// From its headers to its answer's last byte.
    pub(crate) total: Duration,
    /// From sending it to the answer's headers. None: it wasn't sent, or there was no answer.
    pub(crate) upstream: Option<Duration>,
}

impl Answered {
    /// Nothing is known of it yet.
    pub(crate) fn begun(method: MethodLabel) -> Self {
        Answered { method, code: CodeClass::None, cause: None, total: Duration::ZERO, upstream: None }
    }
}

/// A limit's name, and what counts its refusals.
pub(crate) type LimitCounts = (Arc<str>, Arc<Buckets>);

/// See the module.
pub(crate) struct RouteMetrics {
    pub(crate) namespace: Arc<str>,
    pub(crate) name: Arc<str>,
    in_flight: AtomicI64,
    counts: OnceLock<Box<Counts>>,
    limits: Mutex<Vec<LimitCounts>>,
}

/// Made for the first request.
#[derive(Default)]
struct Counts {
    requests: [OnceLock<Box<Row>>; METHODS],
    totals: [OnceLock<Box<Durations>>; CODES],
    upstream: [OnceLock<Box<Durations>>; CODES],
}

impl RouteMetrics {
    pub(crate) fn new(namespace: Arc<str>, name: Arc<str>) -> Self {
        RouteMetrics {
            namespace,
            name,
            in_flight: AtomicI64::new(0),
            counts: OnceLock::new(),
            limits: Mutex::default(),
        }
    }

    /// A request has come.
    pub(crate) fn begun(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// A request has been answered to the end.
    pub(crate) fn answered(&self, answered: &Answered) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        let counts = self.counts.get_or_init(Box::default);
        let row = counts.requests[answered.method as usize].get_or_init(Box::default);
        let code = answered.code as usize;
        let by_code = match answered.cause {
            None => &row.own,
            Some(cause) => {
                &row.caused.get_or_init(|| Box::new(std::array::from_fn(|_| ByCode::default())))[cause as usize]
            }
        };
        by_code[code].fetch_add(1, Ordering::Relaxed);
        counts.totals[code].get_or_init(Box::default).observe(answered.total);
        if let Some(upstream) = answered.upstream {
            counts.upstream[code].get_or_init(Box::default).observe(upstream);
        }
    }

    /// The limits whose refusals are told as this route's, from now on.
    pub(crate) fn set_limits(&self, limits: Vec<LimitCounts>) {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner) = limits;
    }

    /// Whether a request has ever come.
    pub(crate) fn is_touched(&self) -> bool {
        self.in_flight.load(Ordering::Relaxed) != 0 || self.counts.get().is_some()
    }

    pub(crate) fn in_flight(&self) -> i64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Counts that aren't 0.
    pub(crate) fn requests(&self, mut tell: impl FnMut(MethodLabel, CodeClass, Option<Cause>, u64)) {
        let rows = self.counts.get().into_iter().flat_map(|counts| &counts.requests);
        for (method, row) in MethodLabel::ALL.into_iter().zip(rows) {
            let Some(row) = row.get() else { continue };
            let caused = row.caused.get().into_iter().flat_map(|caused| Cause::ALL.iter().zip(caused.iter()));
            let all = [(None, &row.own)].into_iter().chain(caused.map(|(cause, codes)| (Some(*cause), codes)));
            for (cause, codes) in all {
                for (code, count) in CodeClass::ALL.into_iter().zip(codes) {
                    match count.load(Ordering::Relaxed) {
                        0 => {}
                        count => tell(method, code, cause, count),
                    }
                }
            }
        }
    }

    pub(crate) fn totals(&self) -> impl Iterator<Item = (CodeClass, &Durations)> {
        told(self.counts.get().map(|counts| &counts.totals))
    }

    pub(crate) fn upstream(&self) -> impl Iterator<Item = (CodeClass, &Durations)> {
        told(self.counts.get().map(|counts| &counts.upstream))
    }

    /// Refusals of limits that have refused something.
    pub(crate) fn limit_refusals(&self) -> Vec<(Arc<str>, u64)> {
        let limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = limits.iter().map(|(name, buckets)| (name.clone(), buckets.refused()));
        counts.filter(|(_, refused)| *refused > 0).collect()
    }
}

fn told(durations: Option<&[OnceLock<Box<Durations>>; CODES]>) -> impl Iterator<Item = (CodeClass, &Durations)> {
    let all = CodeClass::ALL.into_iter().zip(durations.into_iter().flatten());
    all.filter_map(|(code, durations)| Some((code, durations.get()?.as_ref())))
}
