//! Whom a token belongs to, and which instance it may act on.

use std::sync::Arc;

use wharf_domain::{
    Error, Resource, Result,
    instance::{Instance, InstanceName},
    ports::{AccountStore, InstanceStore},
    token::{Principal, Token},
};

/// Decides who may act on what. Asks the store every time, so that a change made beside the server counts at once.
#[derive(Clone)]
pub struct AccessService {
    accounts: Arc<dyn AccountStore>,
    instances: Arc<dyn InstanceStore>,
}

impl AccessService {
    pub(crate) fn new(accounts: Arc<dyn AccountStore>, instances: Arc<dyn InstanceStore>) -> Self {
        Self { accounts, instances }
    }

    /// Says whom a token belongs to.
    pub async fn identify(&self, token: &Token) -> Result<Option<Principal>> {
        self.accounts.identify(token).await
    }

    /// The instance a caller names.
    ///
    /// Fails with `WrongInstance` when an instance's token names any but its own, whether that exists or not, and with
    /// `NotFound` when the account has none of that name.
    pub async fn instance(&self, caller: Principal, name: &InstanceName) -> Result<Instance> {
        match caller {
            Principal::Account(account) => {
                self.instances.find(account, name).await?.ok_or(Error::NotFound(Resource::Instance))
            }
            Principal::Instance { .. } => {
                let own = self.own_instance(caller).await?;
                if own.name == *name { Ok(own) } else { Err(Error::WrongInstance) }
            }
        }
    }

    /// The instance that an instance's token stands for.
    async fn own_instance(&self, caller: Principal) -> Result<Instance> {
        let own = match caller {
            Principal::Instance { instance, .. } => self.instances.find_by_id(instance).await?,
            Principal::Account(_) => None,
        };
        own.ok_or(Error::NotFound(Resource::Instance))
    }
}
