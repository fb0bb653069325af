//! Who is measured. All are started once, on the contender's core, and only one has work at a time.

use std::net::SocketAddr;
use std::path::Path;

use lambdaroute_tests::process::Process;
use lambdaroute_tests::target;

use crate::envoy::Envoy;
use crate::lambdaroute::LambdaRoute;
use crate::nginx::Nginx;
use crate::upstream::{Transport, Upstreams};
use lambdaroute_tests::usage::Group;

/// A way to the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Direct,
    Nginx,
    Envoy,
    LambdaRoute,
}

impl Who {
    /// For the report.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Direct => "no proxy",
            Self::Nginx => "nginx, passes through",
            Self::Envoy => "Envoy, signs, key, limit",
            Self::LambdaRoute => "LambdaRoute, everything on",
        }
    }

    /// Whether it signs, and wants the caller's key.
    pub(crate) fn signs(self) -> bool {
        matches!(self, Self::Envoy | Self::LambdaRoute)
    }
}

/// Where callers call, and whose cost it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entrance {
    pub(crate) who: Who,
    pub(crate) transport: Transport,
    pub(crate) target: SocketAddr,
    /// `None`: nobody's, there is no proxy.
    pub(crate) group: Option<Group>,
}

/// All of them, with what they stand on; they end when this goes.
pub(crate) struct Contenders {
    pub(crate) entrances: Vec<Entrance>,
    pub(crate) upstreams: Upstreams,
    _processes: Vec<Process>,
    _lambdaroutes: Vec<LambdaRoute>,
}

/// Starts all of them.
pub(crate) async fn start(proxy: &Path) -> anyhow::Result<Contenders> {
    let directory = target::run_directory("benchmark")?;
    let upstreams = Upstreams::start(&directory)?;
    let nginx = Nginx::start(&upstreams, &directory).await?;
    let envoy = Envoy::start(&upstreams, &directory).await?;
    let mut entrances =
        vec![Entrance { who: Who::Direct, transport: Transport::Plain, target: upstreams.plain.address, group: None }];
    let mut lambdaroutes = Vec::new();
    for transport in Transport::ALL {
        let (target, group) = (nginx.target(transport), Some(nginx.group));
        entrances.push(Entrance { who: Who::Nginx, transport, target, group });
        let (target, group) = (envoy.target(transport), Some(envoy.group));
        entrances.push(Entrance { who: Who::Envoy, transport, target, group });
        let own = LambdaRoute::start(proxy, &upstreams, transport, &directory).await?;
        let (target, group) = (own.target, Some(own.group));
        entrances.push(Entrance { who: Who::LambdaRoute, transport, target, group });
        lambdaroutes.push(own);
    }
    Ok(Contenders { entrances, upstreams, _processes: vec![nginx.process, envoy.process], _lambdaroutes: lambdaroutes })
}
