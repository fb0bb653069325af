//! The generic cell rate algorithm (ITU-T I.371, in its virtual scheduling form): how many requests pass in which time.
//! Pure: a bucket's whole state is one number, the time at which it is full again. Times are nanoseconds of one monotonic
//! clock; whoever calls gives them.

/// When a bucket is full again. In the past: it is full, the same as if it had never been used.
pub(crate) type FullAt = u64;

/// Nanoseconds in a millisecond, times the thousandths of a request.
const NANOS_PER_MILLI_TIMES_MILLIREQUESTS: u128 = 1_000_000 * 1_000;

/// What a bucket lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// What one request costs, as time.
    emission: u64,
    /// What a full bucket holds, as time: at least one request.
    capacity: u64,
    /// Whether anything passes at all.
    open: bool,
}

impl Rate {
    /// So many thousandths of a request per interval, and so many at once. Nothing per interval: nothing passes. A burst
    /// below one request counts as one: else a rate that isn't 0 would let nothing through, ever. The cost of a request is
    /// rounded up, so that no window lets too much through.
    pub(crate) fn new(millirequests: u64, interval_ms: u64, burst_millirequests: u64) -> Self {
        let open = millirequests > 0;
        let emission =
            (u128::from(interval_ms) * NANOS_PER_MILLI_TIMES_MILLIREQUESTS).div_ceil(u128::from(millirequests.max(1)));
        let emission = narrow(emission).max(1);
        let capacity = narrow(u128::from(emission) * u128::from(burst_millirequests) / 1_000).max(emission);
        Rate { emission, capacity, open }
    }

    /// What is in a bucket.
    fn left(self, bucket: FullAt, now: u64) -> u64 {
        self.capacity.saturating_sub(bucket.saturating_sub(now))
    }
}

/// Takes one request out of a bucket. None: there isn't one in it, and nothing is taken.
pub(crate) fn take(bucket: FullAt, now: u64, rate: Rate) -> Option<FullAt> {
    if !rate.open || rate.left(bucket, now) < rate.emission {
        return None;
    }
    Some(bucket.max(now).saturating_add(rate.emission))
}

/// Whether nothing is missing: the same as no bucket.
pub(crate) fn is_full(bucket: FullAt, now: u64) -> bool {
    bucket <= now
}

/// The same number of requests missing, at another rate.
pub(crate) fn convert(bucket: FullAt, now: u64, from: Rate, to: Rate) -> FullAt {
    let missing = u128::from(bucket.saturating_sub(now)) * u128::from(to.emission);
    now.saturating_add(narrow(missing.div_ceil(u128::from(from.emission))))
}

/// How a bucket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// What is left, in parts of `capacity`. Less than one request: 0.
    pub(crate) left: u64,
    /// What a full bucket holds.
    pub(crate) capacity: u64,
    /// Nanoseconds until one request passes; 0: now. None: never, at this rate.
    pub(crate) next_in: Option<u64>,
    /// Nanoseconds until the bucket is full.
    pub(crate) full_in: u64,
}

/// Looks at a bucket, and takes nothing.
pub(crate) fn standing(bucket: FullAt, now: u64, rate: Rate) -> Standing {
    let left = rate.left(bucket, now);
    let passes = rate.open && left >= rate.emission;
    let full_in = bucket.saturating_sub(now);
    // What is missing above the capacity must drain too: the rate may have been lowered.
    let next_in = full_in.saturating_add(rate.emission).saturating_sub(rate.capacity);
    Standing {
        left: if passes { left } else { 0 },
        capacity: rate.capacity,
        next_in: rate.open.then_some(next_in),
        full_in,
    }
}

fn narrow(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
