use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;
use url::Host;

use crate::{Guard, Refused};

/// Turns host names into addresses.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// All addresses of `host`, the preferred ones first. A name that does not exist is an error.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// Asks the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Why a host gave no address to dial.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum NoAddress {
    #[error("the host name does not resolve")]
    Unresolved,
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// A resolver that lets only such addresses through as its guard, if any, allows.
#[derive(Clone)]
pub(crate) struct Lookup {
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) guard: Option<Guard>,
}

impl Lookup {
    /// The addresses of `host` that may be dialled, at least one.
    pub(crate) async fn host(&self, host: &Host) -> Result<Vec<IpAddr>, NoAddress> {
        let literal = match host {
            Host::Domain(name) => return self.name(name).await,
            Host::Ipv4(address) => IpAddr::V4(*address),
            Host::Ipv6(address) => IpAddr::V6(*address),
        };
        self.check(literal)?;
        Ok(vec![literal])
    }

    async fn name(&self, name: &str) -> Result<Vec<IpAddr>, NoAddress> {
        let all = self.resolver.resolve(name).await.map_err(|_| NoAddress::Unresolved)?;
        let mut refusal = NoAddress::Unresolved;
        let mut allowed = Vec::with_capacity(all.len());
        for address in all {
            match self.check(address) {
                Ok(()) => allowed.push(address),
                Err(refused) => refusal = refused.into(),
            }
        }
        if allowed.is_empty() { Err(refusal) } else { Ok(allowed) }
    }

    fn check(&self, address: IpAddr) -> Result<(), Refused> {
        self.guard.map_or(Ok(()), |guard| guard.check_address(address))
    }
}

impl Resolve for Lookup {
    fn resolve(&self, name: Name) -> Resolving {
        let lookup = self.clone();
        Box::pin(async move {
            let addresses = lookup.name(name.as_str()).await?;
            // Port 0 stands for the port of the URL.
            let with_port = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(with_port) as Addrs)
        })
    }
}
