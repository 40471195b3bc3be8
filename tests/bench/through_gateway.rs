//! The whole path: phone, WhatsApp, gateway, webhook; API, gateway, WhatsApp.

use std::sync::Arc;

use anyhow::Result;

use crate::{receiver::Receiver, side::Side, world::World};

/// One instance of the gateway with a webhook.
pub(crate) struct ThroughGateway {
    world: Arc<World>,
    receiver: Arc<Receiver>,
    name: &'static str,
    number: String,
}

impl ThroughGateway {
    /// Links an instance of that name to the phone of that number.
    pub(crate) async fn pair(
        world: Arc<World>,
        name: &'static str,
        number: String,
    ) -> Result<Self> {
        let (receiver, url) = Receiver::start().await?;
        world.gateway.pair(name, Some(&url), &world.whatsapp, &number).await?;
        Ok(Self { world, receiver, name, number })
    }

    /// The instance's name.
    pub(crate) fn name(&self) -> &str {
        self.name
    }

    /// The number of the phone it is linked to.
    pub(crate) fn number(&self) -> &str {
        &self.number
    }

    /// The webhook receiver.
    pub(crate) fn receiver(&self) -> &Receiver {
        &self.receiver
    }
}

impl Side for ThroughGateway {
    async fn incoming(&self, from: &str, text: &str) -> Result<()> {
        let posted = self.receiver.incoming.expect(text);
        self.world.whatsapp.send(from, &self.number, text).await?;
        Ok(posted.await?)
    }

    async fn outgoing(&self, to: &str, text: &str) -> Result<()> {
        self.world.gateway.send(self.name, to, text).await
    }
}
