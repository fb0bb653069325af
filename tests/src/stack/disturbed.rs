//! Processes of a stack that stand still, and those whose wall clock is wrong.

use super::{Stack, running};
use crate::clock;
use crate::components::Binary;

impl Stack {
    /// Lets a controller's wall clock be so many seconds ahead (negative: behind), from its next start on.
    ///
    /// # Errors
    /// When such a clock can't be made.
    pub fn set_controller_clock(&mut self, index: usize, seconds: i64) -> anyhow::Result<()> {
        let clock = clock::ahead(seconds)?;
        let program = Binary::Controller.dynamic_path()?;
        if let Some(slot) = self.controllers.get_mut(index) {
            slot.program = Some(program);
            slot.environment.retain(|(name, _)| !clock.iter().any(|(other, _)| other == name));
            slot.environment.extend(clock);
        }
        Ok(())
    }

    /// SIGSTOP: it stands still, and knows nothing of it.
    ///
    /// # Errors
    /// When it isn't running.
    pub fn pause_proxy(&mut self, index: usize) -> anyhow::Result<()> {
        running(&mut self.proxies[index])?.process.pause()
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// When it isn't running.
    pub fn resume_proxy(&mut self, index: usize) -> anyhow::Result<()> {
        running(&mut self.proxies[index])?.process.resume()
    }
}
