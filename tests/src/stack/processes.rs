//! The processes of a stack: started, killed, started again at the same address.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use lambdaroute_proxy_config::TOKEN_AUDIENCE;

use super::{ADMIN_PORT, Binary, Component, ROUTE_TABLE_PORT, Shape, Slot, Stack, running};
use crate::principals::Principal;

/// The controllers' addresses end with this and the numbers that follow.
const FIRST_CONTROLLER: u8 = 200;
/// The longest drain of a proxy in these tests.
const DRAINED_WITHIN: Duration = Duration::from_secs(30);

/// Flags of a controller that has no rival: on a busy machine it keeps its Lease.
pub fn unhurried() -> Vec<String> {
    ["--lease-duration=60s", "--lease-renew-deadline=50s"].map(str::to_owned).to_vec()
}

impl Stack {
    pub(super) async fn start_processes(&mut self, shape: &Shape) -> anyhow::Result<()> {
        let kubeconfig = self.directory.join("controller.kubeconfig");
        let (api, authority) = match shape.direct_api {
            true => (self.cluster.url(), self.cluster.authority().to_owned()),
            false => {
                let authority = self.api.authority().context("the gate before the API server has no CA")?;
                (self.api.url(), authority.to_owned())
            }
        };
        let (namespace, name) = (self.release.namespace.clone(), self.release.controller.service_account.clone());
        let account = (namespace.as_str(), name.as_str());
        self.cluster.account_kubeconfig(account, &api, &authority, &kubeconfig).await?;
        for index in 0..shape.controllers {
            // With a token of its own, by which the gate tells whose a request is.
            let own = self.directory.join(format!("controller-{index}.kubeconfig"));
            self.cluster.account_kubeconfig(account, &api, &authority, &own).await?;
            let slot = self.controller(index, shape);
            self.controllers.push(slot);
            if let Some(seconds) = shape.controller_clocks.get(index) {
                self.set_controller_clock(index, *seconds)?;
            }
            self.start_controller(index).await?;
        }
        if shape.proxies == 0 {
            return Ok(());
        }
        let authority = self.route_table_authority().await?;
        std::fs::write(self.directory.join("ca.crt"), authority)?;
        for _ in 0..shape.proxies {
            let slot = self.proxy().await?;
            self.proxies.push(slot);
            self.start_proxy(self.proxies.len() - 1).await?;
        }
        Ok(())
    }

    /// What a controller knows of the API server.
    pub(super) fn kubeconfig(&self, controller: usize) -> PathBuf {
        let own = self.directory.join(format!("controller-{controller}.kubeconfig"));
        if own.exists() { own } else { self.directory.join("controller.kubeconfig") }
    }

    fn controller_address(&self, index: usize) -> Ipv4Addr {
        let (a, b) = self.network;
        Ipv4Addr::new(127, a, b, FIRST_CONTROLLER + u8::try_from(index).unwrap_or(0))
    }

    fn controller(&self, index: usize, shape: &Shape) -> Slot {
        let address = self.controller_address(index);
        let name = format!("controller-{index}");
        let mut ours = vec![
            format!("--route-table-address={address}:{ROUTE_TABLE_PORT}"),
            format!("--admin-address={address}:{ADMIN_PORT}"),
        ];
        ours.extend(self.controller_flags());
        let name_of = |flag: &str| flag.split('=').next().unwrap_or(flag).to_owned();
        ours.retain(|flag| !shape.controller_flags.iter().any(|other| name_of(other) == name_of(flag)));
        ours.extend(shape.controller_flags.iter().cloned());
        let mut environment = self.release.controller.environment(&name, &self.release.namespace);
        environment.extend(self.controller_environment(index));
        Slot {
            component: None,
            program: shape.controller_program.clone(),
            flags: self.release.controller.flags(&ours),
            environment,
            name,
        }
    }

    async fn proxy(&self) -> anyhow::Result<Slot> {
        let (name, uid, _, loopback) = self.proxy_pod().await?;
        let file = |suffix: &str| self.directory.join(format!("{name}{suffix}")).to_string_lossy().into_owned();
        let token = self.proxy_token(&name, &uid).await?;
        std::fs::write(file(".token"), token)?;
        std::fs::create_dir_all(file("-state"))?;
        let controllers = (0..self.controllers.len().max(1))
            .map(|index| format!("{}:{ROUTE_TABLE_PORT}", self.controller_address(index)))
            .collect::<Vec<_>>()
            .join(",");
        let ours = [
            format!("--controller-address={controllers}"),
            format!("--controller-ca-file={}", self.directory.join("ca.crt").display()),
            format!("--token-file={}", file(".token")),
            format!("--state-dir={}", file("-state")),
            format!("--listen-address={loopback}"),
            format!("--admin-address={loopback}:{ADMIN_PORT}"),
        ];
        let mut environment = self.release.proxy.environment(&name, &self.release.namespace);
        environment.push(("AWS_ENDPOINT_URL".to_owned(), self.aws.url()));
        environment.extend(self.principals().proxies.credentials.environment());
        Ok(Slot { component: None, program: None, flags: self.release.proxy.flags(&ours), environment, name })
    }

    /// A token with which a process proves that it is a proxy's Pod.
    pub(super) async fn proxy_token(&self, pod: &str, uid: &str) -> anyhow::Result<String> {
        let (namespace, account) = (&self.release.namespace, &self.release.proxy.service_account);
        self.cluster.token(namespace, account, Some(TOKEN_AUDIENCE), Some((pod, uid))).await
    }

    /// Where the route table of a controller is.
    pub(super) fn route_table(&self, controller: usize) -> std::net::SocketAddr {
        (self.controller_address(controller), ROUTE_TABLE_PORT).into()
    }

    fn launch(&self, binary: Binary, slot: &Slot) -> anyhow::Result<Component> {
        let program = match &slot.program {
            Some(program) => program.clone(),
            None => binary.path()?,
        };
        Component::start_program(&program, &slot.name, &slot.flags, &slot.environment, &self.directory)
    }

    /// Starts a controller that isn't running, with the same flags.
    ///
    /// # Errors
    /// When it doesn't listen in time.
    pub async fn start_controller(&mut self, index: usize) -> anyhow::Result<()> {
        let mut component = self.launch(Binary::Controller, Self::slot(&self.controllers, index)?)?;
        component.address("admin").await?;
        self.controllers[index].component = Some(component);
        Ok(())
    }

    /// The process of a controller, if it runs.
    pub fn controller_process(&self, index: usize) -> Option<u32> {
        self.controllers.get(index)?.component.as_ref().map(|component| component.process.id())
    }

    /// Changes a flag (`--name=value`) of a controller, from its next start on.
    pub fn set_controller_flag(&mut self, index: usize, flag: &str) {
        self.drop_controller_flag(index, flag.split('=').next().unwrap_or(flag));
        if let Some(slot) = self.controllers.get_mut(index) {
            slot.flags.push(flag.to_owned());
        }
    }

    /// Takes a flag away from a controller, from its next start on.
    pub fn drop_controller_flag(&mut self, index: usize, name: &str) {
        if let Some(slot) = self.controllers.get_mut(index) {
            slot.flags.retain(|known| known.split('=').next() != Some(name));
        }
    }

    /// Starts a proxy that isn't running, with the same flags and the same Pod.
    ///
    /// # Errors
    /// When it doesn't listen in time.
    pub async fn start_proxy(&mut self, index: usize) -> anyhow::Result<()> {
        let mut component = self.launch(Binary::Proxy, Self::slot(&self.proxies, index)?)?;
        component.address("admin").await?;
        self.proxies[index].component = Some(component);
        Ok(())
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When it isn't running.
    pub async fn kill_controller(&mut self, index: usize) -> anyhow::Result<()> {
        running(&mut self.controllers[index])?.process.kill()?;
        self.controllers[index].component = None;
        Ok(())
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When it isn't running.
    pub async fn kill_proxy(&mut self, index: usize) -> anyhow::Result<()> {
        running(&mut self.proxies[index])?.process.kill()?;
        self.proxies[index].component = None;
        Ok(())
    }

    /// SIGTERM, without waiting.
    ///
    /// # Errors
    /// When it isn't running.
    pub async fn terminate_proxy(&mut self, index: usize) -> anyhow::Result<()> {
        running(&mut self.proxies[index])?.process.terminate()
    }

    /// SIGTERM, and waits for a clean end.
    ///
    /// # Errors
    /// When it doesn't end well in time.
    pub async fn stop_controller(&mut self, index: usize) -> anyhow::Result<()> {
        let component = running(&mut self.controllers[index])?;
        component.process.terminate()?;
        component.process.wait(DRAINED_WITHIN).await?;
        self.controllers[index].component = None;
        Ok(())
    }

    /// Waits until a proxy has ended well.
    ///
    /// # Errors
    /// When it fails or doesn't end in time.
    pub async fn proxy_ended(&mut self, index: usize) -> anyhow::Result<()> {
        running(&mut self.proxies[index])?.process.wait(DRAINED_WITHIN).await
    }

    /// How many proxies there are.
    pub fn proxies(&self) -> usize {
        self.proxies.len()
    }

    /// The name of a proxy's Pod.
    pub fn pod(&self, proxy: usize) -> String {
        self.proxies.get(proxy).map(|slot| slot.name.clone()).unwrap_or_default()
    }

    /// What an admin path of a controller answers.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn controller_admin(&self, index: usize, path: &str) -> anyhow::Result<crate::http::Answer> {
        crate::http::get(&format!("http://{}:{ADMIN_PORT}{path}", self.controller_address(index))).await
    }

    /// What an admin path of a proxy answers.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn proxy_admin(&self, index: usize, path: &str) -> anyhow::Result<crate::http::Answer> {
        let (a, b) = self.network;
        let host = self.pod(index).trim_start_matches("proxy-").to_owned();
        crate::http::get(&format!("http://127.{a}.{b}.{host}:{ADMIN_PORT}{path}")).await
    }

    /// One controller more; gives its number.
    ///
    /// # Errors
    /// When it doesn't listen in time.
    pub async fn add_controller(&mut self) -> anyhow::Result<usize> {
        let index = self.controllers.len();
        let slot = self.controller(index, &Shape::default());
        self.controllers.push(slot);
        self.start_controller(index).await?;
        Ok(index)
    }

    /// One controller more, that is somebody else for AWS; gives its number.
    ///
    /// # Errors
    /// When it doesn't listen in time.
    pub async fn add_controller_as(&mut self, principal: &Principal) -> anyhow::Result<usize> {
        let index = self.controllers.len();
        let mut slot = self.controller(index, &Shape { controller_flags: unhurried(), ..Shape::default() });
        // The last word counts.
        slot.environment.extend(principal.credentials.environment());
        self.controllers.push(slot);
        self.start_controller(index).await?;
        Ok(index)
    }

    /// One proxy more.
    ///
    /// # Errors
    /// When it doesn't listen in time.
    pub async fn add_proxy(&mut self) -> anyhow::Result<()> {
        let slot = self.proxy().await?;
        self.proxies.push(slot);
        self.start_proxy(self.proxies.len() - 1).await
    }

    /// What a controller with `--dry-run` prints.
    ///
    /// # Errors
    /// When it doesn't end well in time.
    pub async fn dry_run(&self) -> anyhow::Result<String> {
        let mut slot = self.controller(self.controllers.len(), &Shape::default());
        slot.name = "dry-run".to_owned();
        slot.flags.push("--dry-run".to_owned());
        let mut component = self.launch(Binary::Controller, &slot)?;
        component.process.wait(DRAINED_WITHIN).await?;
        component.process.output()
    }
}
