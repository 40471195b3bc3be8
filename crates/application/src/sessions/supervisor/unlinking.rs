//! Unlinking a device on request, and forgetting its keys.

use wharf_domain::{
    Error, Resource, Result,
    instance::Instance,
    ports::InstanceChange,
    state::{Standing, StateChange},
};

use super::{Run, Supervisor, warn};

impl Supervisor {
    /// Unlinks the device through a running session. It counts as unlinked also when WhatsApp could not be told,
    /// since the keys are gone afterwards.
    pub(super) async fn log_out(&mut self, run: &mut Run) -> Result<()> {
        if run.connected_at.is_some() {
            if let Err(e) = run.session.log_out().await {
                warn(&e, "could not tell WhatsApp of the unlinking");
            }
        } else {
            run.session.stop().await;
        }
        run.wait_for_end().await;
        run.permit = None;
        let done = self.forget_keys(&run.instance).await;
        self.at_rest(None);
        done
    }

    pub(super) async fn log_out_at_rest(&mut self) -> Result<()> {
        let instance = self
            .shared
            .instances
            .find_by_id(self.id)
            .await?
            .ok_or(Error::NotFound(Resource::Instance))?;
        let done = self.forget_keys(&instance).await;
        self.at_rest(None);
        done
    }

    /// Forgets the keys and says so, unless there is nothing to forget. A device that was never linked stays as it is.
    async fn forget_keys(&self, instance: &Instance) -> Result<()> {
        let linked = match instance.standing {
            Standing::LoggedOut => false,
            Standing::Unpaired => self.shared.whatsapp.is_paired(self.id).await?,
            Standing::Paired | Standing::Banned { .. } => true,
        };
        self.shared.whatsapp.forget(self.id).await?;
        if linked {
            self.tell(StateChange::LoggedOut { reason: "logged out by request".to_owned() }).await;
        }
        let standing = InstanceChange::Standing(Standing::LoggedOut);
        self.shared.instances.update(self.id, &[standing], self.shared.clock.now()).await?;
        Ok(())
    }

    pub(super) async fn unlink_at_rest(&self) {
        if let Err(e) = self.shared.whatsapp.forget(self.id).await {
            warn(&e, "could not forget keys");
        }
    }
}
