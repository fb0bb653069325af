//! Lines arrive whole, and a writer that can't follow stops nobody.

use std::sync::{Arc, Mutex};

use super::entry::tests::entry;
use super::*;

const FOR_EVER: Duration = Duration::from_secs(20);

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Kept {
    fn lines(&self) -> usize {
        self.0.lock().unwrap().iter().filter(|b| **b == b'\n').count()
    }
}

/// Writes nothing until it may.
struct Stuck(Receiver<()>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_is_logged_is_written_once_it_is_flushed() {
    let kept = Kept::default();
    let log = AccessLog::start_to(kept.clone(), AccessLogMode::On, 1.0, Counter::default()).unwrap();
    for _ in 0..100 {
        assert!(log.wants_this());
        log.log(&entry());
    }
    log.flush(FOR_EVER);
    assert_eq!((kept.lines(), log.dropped.get()), (100, 0));
}

#[test]
fn a_log_that_is_off_wants_nothing() {
    let log = AccessLog::start_to(Kept::default(), AccessLogMode::Off, 1.0, Counter::default()).unwrap();
    assert!(!log.wants_this());
    log.flush(FOR_EVER);
}

#[test]
fn a_sample_is_a_part() {
    let part = |sample| {
        let log = AccessLog::start_to(Kept::default(), AccessLogMode::Sampled, sample, Counter::default()).unwrap();
        (0..10_000).filter(|_| log.wants_this()).count()
    };
    // Less likely to miss than a machine is to fail: 20 standard deviations.
    assert!((1_000..=3_000).contains(&part(0.2)));
    assert_eq!(part(0.0), 0);
    assert_eq!(part(1.0), 10_000);
}

#[test]
fn lines_that_nobody_can_write_are_dropped_and_counted() {
    let (go_on, stuck) = sync_channel(0);
    let log = AccessLog::start_to(Stuck(stuck), AccessLogMode::On, 1.0, Counter::default()).unwrap();
    let all = 3 * WAITING as u64;
    for _ in 0..all {
        log.log(&entry());
    }
    let dropped = log.dropped.get();
    assert!(dropped > 0 && dropped < all, "{dropped} of {all}");
    drop(go_on);
}
