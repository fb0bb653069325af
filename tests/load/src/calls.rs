//! The caller: one thread, some keep-alive connections, one request at a time on each. Either each answer brings the next
//! request (a closed loop), or requests begin at a fixed rate whatever the answers do; their latency counts from the
//! moment that the clock gave them, so that a stall is seen by all that it delays.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};

use crate::messages::Messages;
use crate::poll::Poll;
use crate::{Latencies, LoadError, failed};

/// A whole answer of a 5 MiB request on a busy machine is there in a second.
const STALLED_AFTER: u32 = 30;
const BUFFER: usize = 64 * 1024;
const TIMER: usize = usize::MAX;

/// What to do.
#[derive(Clone, Copy, Debug)]
pub struct Load<'a> {
    /// The proxy, or the origin itself.
    pub target: SocketAddr,
    /// The request, head and body, as it goes out each time.
    pub request: &'a [u8],
    /// Connections, each with one request at a time.
    pub connections: usize,
    /// Requests per second. `None`: as many as come back.
    pub rate: Option<u32>,
    /// When to stop beginning requests.
    pub until: Until,
}

/// How long a run is.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// For so long.
    Elapsed(Duration),
    /// For so many requests.
    Requests(u64),
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Complete answers.
    pub requests: u64,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Of each request.
    pub latencies: Latencies,
}

/// Runs a load from the calling thread, to the last answer.
///
/// # Errors
/// Any answer but 200, and any connection that ends: then there is nothing to measure.
pub fn run(load: &Load<'_>) -> Result<Outcome, LoadError> {
    let mut poll = Poll::new()?;
    let mut callers = Vec::with_capacity(load.connections);
    for token in 0..load.connections {
        let caller = Caller::connect(load.target)?;
        poll.add(&caller.stream, token, false)?;
        callers.push(caller);
    }
    let begun = Instant::now();
    let ticks = match load.rate {
        Some(rate) => {
            let timer = timer(rate)?;
            poll.add(&timer, TIMER, false)?;
            Some(Ticks { timer, interval: Duration::from_secs(1) / rate, next: begun })
        }
        None => None,
    };
    let mut run = Run {
        load,
        callers,
        ticks,
        idle: (0..load.connections).collect(),
        waiting: VecDeque::new(),
        begun,
        started: 0,
        requests: 0,
        latencies: Latencies::default(),
        buffer: vec![0; BUFFER],
    };
    run.begin(&poll)?;
    while run.goes_on() || run.requests < run.started {
        let mut any = false;
        for token in poll.wait(STALLED_AFTER)? {
            any = true;
            if token != TIMER {
                run.ready(token, &poll)?;
            }
        }
        if !any {
            return Err(LoadError::Stalled(STALLED_AFTER.into()));
        }
        run.begin(&poll)?;
    }
    Ok(Outcome { requests: run.requests, elapsed: begun.elapsed(), latencies: run.latencies })
}

struct Run<'a> {
    load: &'a Load<'a>,
    callers: Vec<Caller>,
    ticks: Option<Ticks>,
    /// Connections without a request.
    idle: Vec<usize>,
    /// Moments of requests that no connection was free for.
    waiting: VecDeque<Instant>,
    begun: Instant,
    /// Requests that were due, sent or not.
    started: u64,
    requests: u64,
    latencies: Latencies,
    buffer: Vec<u8>,
}

/// The clock of a fixed rate.
struct Ticks {
    timer: OwnedFd,
    interval: Duration,
    next: Instant,
}

impl Run<'_> {
    fn goes_on(&self) -> bool {
        match self.load.until {
            Until::Elapsed(duration) => self.begun.elapsed() < duration,
            Until::Requests(count) => self.started < count,
        }
    }

    /// Begins what is due on connections that are free.
    fn begin(&mut self, poll: &Poll) -> Result<(), LoadError> {
        if let Some(mut ticks) = self.ticks.take() {
            // Level-triggered: what is not read wakes at once again.
            let _ = rustix::io::read(&ticks.timer, &mut [0_u8; 8][..]);
            let now = Instant::now();
            while ticks.next <= now && self.goes_on() {
                self.waiting.push_back(ticks.next);
                self.started += 1;
                ticks.next += ticks.interval;
            }
            self.ticks = Some(ticks);
            while let Some(&due) = self.waiting.front() {
                let Some(token) = self.idle.pop() else { break };
                self.waiting.pop_front();
                self.callers[token].send(self.load.request, due, token, poll)?;
            }
            return Ok(());
        }
        while self.goes_on() {
            let Some(token) = self.idle.pop() else { break };
            self.started += 1;
            self.callers[token].send(self.load.request, Instant::now(), token, poll)?;
        }
        Ok(())
    }

    fn ready(&mut self, token: usize, poll: &Poll) -> Result<(), LoadError> {
        let caller = &mut self.callers[token];
        if caller.written < self.load.request.len() {
            caller.write(self.load.request, token, poll)?;
        }
        if caller.read(&mut self.buffer)? {
            self.latencies.add(caller.due.elapsed());
            self.requests += 1;
            self.idle.push(token);
        }
        Ok(())
    }
}

struct Caller {
    stream: TcpStream,
    messages: Messages,
    due: Instant,
    written: usize,
    /// Whether epoll is asked for room to write.
    blocked: bool,
}

impl Caller {
    fn connect(target: SocketAddr) -> Result<Self, LoadError> {
        let stream = TcpStream::connect(target).map_err(failed("connect"))?;
        stream.set_nodelay(true).and_then(|()| stream.set_nonblocking(true)).map_err(failed("connect"))?;
        Ok(Self { stream, messages: Messages::default(), due: Instant::now(), written: 0, blocked: false })
    }

    fn send(&mut self, request: &[u8], due: Instant, token: usize, poll: &Poll) -> Result<(), LoadError> {
        self.due = due;
        self.written = 0;
        self.write(request, token, poll)
    }

    fn write(&mut self, request: &[u8], token: usize, poll: &Poll) -> Result<(), LoadError> {
        while self.written < request.len() {
            match self.stream.write(&request[self.written..]) {
                Ok(0) => return Err(LoadError::Closed),
                Ok(written) => self.written += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(failed("send a request")(error)),
            }
        }
        let blocked = self.written < request.len();
        if blocked != self.blocked {
            self.blocked = blocked;
            poll.change(&self.stream, token, blocked)?;
        }
        Ok(())
    }

    /// Whether the answer is complete.
    fn read(&mut self, buffer: &mut [u8]) -> Result<bool, LoadError> {
        let size = match self.stream.read(buffer) {
            Ok(0) => return Err(LoadError::Closed),
            Ok(size) => size,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(failed("read an answer")(error)),
        };
        let mut complete = false;
        self.messages.take(
            &buffer[..size],
            |_| {},
            |head| {
                complete = true;
                if head.starts_with(b"HTTP/1.1 200 ") {
                    return Ok(());
                }
                let line = head.split(|&byte| byte == b'\r').next().unwrap_or_default();
                Err(LoadError::Status(String::from_utf8_lossy(line).into_owned()))
            },
        )?;
        Ok(complete)
    }
}

fn timer(rate: u32) -> Result<OwnedFd, LoadError> {
    let refused = |error: rustix::io::Errno| failed("set a timer")(error.into());
    let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
    let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags).map_err(refused)?;
    let interval = Timespec { tv_sec: 0, tv_nsec: 1_000_000_000 / i64::from(rate.max(2)) };
    let every = Itimerspec { it_interval: interval, it_value: interval };
    rustix::time::timerfd_settime(&timer, TimerfdTimerFlags::empty(), &every).map_err(refused)?;
    Ok(timer)
}
