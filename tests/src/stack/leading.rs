//! What every process that leads is given: controllers, and what uninstalls.

use super::Stack;

impl Stack {
    /// Flags of everything that leads.
    pub(super) fn controller_flags(&self) -> Vec<String> {
        vec![
            format!("--watch-namespace={}", self.namespace),
            // Quicker than in a real cluster, so that a takeover is a matter of seconds; slow enough for a busy machine.
            "--lease-duration=8s".to_owned(),
            "--lease-renew-deadline=6s".to_owned(),
            "--lease-retry-period=1s".to_owned(),
        ]
    }

    /// Who it is, for the API server and for AWS.
    pub(super) fn controller_environment(&self, index: usize) -> Vec<(String, String)> {
        let kubeconfig = self.kubeconfig(index);
        let mut environment = vec![("KUBECONFIG".to_owned(), kubeconfig.to_string_lossy().into_owned())];
        environment.extend(self.principals().controller.credentials.environment());
        environment
    }
}
