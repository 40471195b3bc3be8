//! Unlinking a device on request, and forgetting its keys.

use tokio::sync::oneshot;
use wharf_domain::{
    Error, Resource, Result,
    instance::Instance,
    ports::InstanceChange,
    state::{Standing, StateChange},
};

use super::{Next, Run, Supervisor, warn};
use crate::recorder::patiently;

impl Supervisor {
    /// Unlinks the device through a running session.
    ///
    /// When WhatsApp cannot be told, the caller hears so and the keys stay: without them nobody could ever unlink the
    /// device but its owner on the phone. Gives nothing while the login is under way: the device is unlinked as soon
    /// as that is through.
    pub(super) async fn log_out(
        &mut self,
        run: &mut Run,
        answer: oneshot::Sender<Result<()>>,
    ) -> Option<Next> {
        let paired = super::is_paired(&run.instance);
        if paired && run.connected_at.is_none() {
            self.leaving = Some(answer);
            return None;
        }
        self.going_down();
        let told = if paired { run.session.log_out().await } else { Ok(()) };
        self.end(run).await;
        if let Err(e) = told {
            let problem = "WhatsApp could not be told of the unlinking".to_owned();
            warn(&e, "could not unlink a device");
            let _ = answer.send(Err(e));
            return Some(self.try_again(problem));
        }
        let done = self.forget_keys(&run.instance).await;
        self.at_rest(Some("logged out by request".to_owned()));
        let _ = answer.send(done);
        Some(Next::Rest)
    }

    /// Unlinks the device of an instance that is not connected, for which it is connected first.
    pub(super) async fn log_out_at_rest(&mut self, answer: oneshot::Sender<Result<()>>) -> Next {
        let instance = match self.shared.instances.find_by_id(self.id).await {
            Ok(Some(instance)) => instance,
            Ok(None) => {
                let _ = answer.send(Err(Error::NotFound(Resource::Instance)));
                return Next::Rest;
            }
            Err(e) => {
                let _ = answer.send(Err(e));
                return Next::Rest;
            }
        };
        if instance.standing == Standing::Paired {
            self.leaving = Some(answer);
            return Next::Connect;
        }
        let _ = answer.send(self.forget_keys(&instance).await);
        self.at_rest(Some("logged out by request".to_owned()));
        Next::Rest
    }

    /// Forgets the keys and says so, unless there is nothing to forget.
    async fn forget_keys(&self, instance: &Instance) -> Result<()> {
        let linked = match instance.standing {
            Standing::LoggedOut => false,
            Standing::Unpaired => self.shared.whatsapp.is_paired(self.id).await?,
            Standing::Paired | Standing::Banned { .. } => true,
        };
        if linked {
            self.tell(StateChange::LoggedOut { reason: "logged out by request".to_owned() }).await;
        }
        // Noted first: keys that are gone before that would look like a pairing to be made at the next start.
        let unlinked = [InstanceChange::Standing(Standing::LoggedOut)];
        let now = self.shared.clock.now();
        let note = || self.shared.instances.update(self.id, &unlinked, now);
        patiently(&*self.shared.clock, note).await?;
        self.shared.whatsapp.forget(self.id).await
    }

    pub(super) async fn unlink_at_rest(&self) {
        if let Err(e) = self.shared.whatsapp.forget(self.id).await {
            warn(&e, "could not forget keys");
        }
    }
}
