//! The admin port's connections, as many as there may be. Whoever opens many ends his own: the kubelet, whom nobody answers,
//! restarts the process.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use tokio::task::AbortHandle;

/// See the module.
pub struct Open {
    limit: usize,
    /// The oldest first.
    connections: VecDeque<(IpAddr, AbortHandle)>,
}

impl Open {
    /// None yet, and never more than `limit`.
    pub fn new(limit: usize) -> Self {
        Open { limit, connections: VecDeque::new() }
    }

    /// Keeps one more. Where there are as many as there may be, the oldest of the address that has the most is ended.
    pub fn add(&mut self, from: IpAddr, connection: AbortHandle) {
        self.connections.retain(|(_, connection)| !connection.is_finished());
        if self.connections.len() >= self.limit
            && let Some(at) = self.to_end()
            && let Some((_, ended)) = self.connections.remove(at)
        {
            ended.abort();
        }
        self.connections.push_back((from, connection));
    }

    fn to_end(&self) -> Option<usize> {
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        for (from, _) in &self.connections {
            *counts.entry(*from).or_default() += 1;
        }
        let most = counts.values().max()?;
        self.connections.iter().position(|(from, _)| counts.get(from) == Some(most))
    }
}

#[cfg(test)]
mod tests;
