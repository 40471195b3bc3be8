//! What happens in a session, and what follows from it.

use wharf_domain::{
    Error,
    instance::Profile,
    ports::{InstanceChange, SessionEnd, SessionEvent},
    state::{ConnectionState, Standing, StateChange},
};

use super::{Next, Run, Supervisor, is_paired, warn};
use crate::sessions::{
    Pairing,
    automation::Acting,
    ending::{After, judge},
    status::Status,
};

impl Supervisor {
    pub(super) async fn on_event(&mut self, run: &mut Run, event: SessionEvent) {
        match event {
            SessionEvent::Qr { code, .. } => {
                run.permit = None;
                // Recorded first, shown second: a caller who sees the code can count on its event.
                self.tell(StateChange::QrReady { codes: vec![code.clone()] }).await;
                self.status.send_modify(|status| {
                    status.pairing.qr = Some(code);
                    status.pairing.failed = None;
                });
            }
            SessionEvent::PairingCodeRenewed(code) => self.status.send_modify(|status| {
                if let Some((_, old)) = &mut status.pairing.code {
                    *old = code;
                }
            }),
            SessionEvent::Paired { profile, platform } => {
                self.on_paired(run, profile, platform).await;
            }
            SessionEvent::PairingFailed(reason) => {
                self.tell(StateChange::PairError { reason: reason.clone() }).await;
                self.status.send_modify(|status| {
                    // Whatever was typed is used up; a code to scan stays until the next one.
                    status.pairing.code = None;
                    status.pairing.failed = Some(reason);
                });
            }
            SessionEvent::ScannedWithoutMultidevice => {
                self.tell(StateChange::QrScannedWithoutMultidevice).await;
            }
            SessionEvent::Connected { profile } => self.on_connected(run, profile).await,
            SessionEvent::ProfileChanged(profile) => {
                self.store(run, vec![InstanceChange::Profile(profile)]).await;
            }
            SessionEvent::KeepaliveTimeout => {
                self.status.send_modify(|s| s.state = Some(ConnectionState::Connecting));
                self.tell(StateChange::KeepaliveTimeout).await;
            }
            SessionEvent::KeepaliveRestored => {
                self.tell(StateChange::KeepaliveRestored).await;
                self.status.send_modify(|s| s.state = Some(ConnectionState::Connected));
            }
            // Receipts and acknowledgements go by the observer, the end is handled by the caller.
            _ => {}
        }
    }

    pub(super) async fn on_paired(&mut self, run: &mut Run, profile: Profile, platform: String) {
        self.status.send_modify(|status| status.pairing = Pairing::default());
        if let Some(jid) = profile.jid.clone() {
            let lid = profile.lid.clone();
            let business_name = profile.business_name.clone();
            self.tell(StateChange::PairSuccess { jid, lid, platform, business_name }).await;
        }
        let changes =
            vec![InstanceChange::Standing(Standing::Paired), InstanceChange::Profile(profile)];
        self.store(run, changes).await;
    }

    /// Media that waited for a connection need not wait out its pause. Should this fail, it does.
    async fn hasten_media(&self) {
        match self.shared.media_jobs.hasten(self.id, self.shared.clock.now()).await {
            Ok(0) => {}
            Ok(_) => self.shared.recorder.wake_media(),
            Err(e) => warn(&e, "could not hasten media"),
        }
    }

    async fn on_connected(&mut self, run: &mut Run, mut profile: Profile) {
        let known = &run.instance.profile;
        // The picture is asked for afterwards; until then the one of before is as good.
        if profile.picture_url.is_none() && profile.jid == known.jid {
            profile.picture_url.clone_from(&known.picture_url);
        }
        run.permit = None;
        run.connected_at = Some(self.shared.clock.now());
        let mut changes = Vec::new();
        if run.instance.standing != Standing::Paired {
            changes.push(InstanceChange::Standing(Standing::Paired));
        }
        if run.instance.profile != profile {
            changes.push(InstanceChange::Profile(profile.clone()));
        }
        if !changes.is_empty() {
            self.store(run, changes).await;
        }
        if let Some(jid) = profile.jid {
            self.tell(StateChange::Connected { jid, lid: profile.lid }).await;
        }
        let (session, is_online) = (run.session.clone(), run.is_online);
        self.status.send_modify(|status| {
            *status = Status {
                state: Some(ConnectionState::Connected),
                session: Some(session),
                is_online,
                ..Status::default()
            };
        });
        self.hasten_media().await;
        if let Some(inlet) = run.idle.take() {
            run.acting = Some(inlet.act(Acting {
                shared: self.shared.clone(),
                instance: self.id,
                session: run.session.clone(),
                settings: self.settings.clone(),
                status: self.status.clone(),
                is_online,
            }));
        }
    }

    pub(super) async fn on_end(&mut self, run: &mut Run, end: SessionEnd) -> Next {
        run.permit = None;
        run.acting = None;
        let now = self.shared.clock.now();
        let was_connected = run.connected_at.is_some();
        if run.connected_at.is_some_and(|at| {
            (now - at).to_std().unwrap_or_default() >= self.shared.config.stable_after
        }) {
            self.failures = 0;
        }
        // What the state becomes is decided below.
        self.going_down();
        let paired = is_paired(&run.instance);
        let verdict = judge(end, was_connected, now);
        if let Some(change) = verdict.change {
            self.tell(change).await;
        }
        let unlinked = verdict.standing == Some(Standing::LoggedOut);
        // What was never paired has no keys that a ban could speak of.
        let standing = verdict.standing.filter(|_| paired || unlinked);
        let noted = match standing {
            Some(standing) => self.store(run, vec![InstanceChange::Standing(standing)]).await,
            None => true,
        };
        // Keys that are gone before it is noted would look like a pairing to be made at the next start.
        if unlinked
            && noted
            && let Err(e) = self.shared.whatsapp.forget(self.id).await
        {
            warn(&e, "could not forget keys");
        }
        if let Some(answer) = self.leaving.take() {
            let failed = || Error::ConnectFailed(verdict.problem.clone());
            let _ = answer.send(unlinked.then_some(()).ok_or_else(failed));
        }
        match verdict.next {
            After::Pause if paired => self.try_again(verdict.problem),
            After::At(due) if paired => {
                self.at_rest(Some(verdict.problem));
                Next::ConnectAt(due)
            }
            _ => {
                self.at_rest(Some(verdict.problem));
                Next::Rest
            }
        }
    }
}
