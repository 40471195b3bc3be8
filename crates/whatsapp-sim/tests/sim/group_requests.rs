//! Groups that clients make and change.

use wacore::iq::groups::{
    GroupCreateOptions, GroupDescription, GroupParticipantOptions, GroupSubject, JoinGroupResult,
    MemberAddMode, MembershipApprovalMode, ParticipantChangeResponse,
};
use wacore::stanza::groups::GroupNotificationAction as Action;
use wharf_whatsapp_sim::{GroupChange, GroupView, Joined, Phone, Role, Simulator};
use whatsapp_rust::Jid;
use whatsapp_rust::features::{GroupError, PreviousDescription};
use whatsapp_rust::types::events::Event;

use crate::client::{TestClient, eventually};
use crate::people::{self, ANA, BIA, CAIO};

/// Three phones; a client each of Ana and Bia.
struct Scene {
    sim: Simulator,
    bia: Phone,
    caio: Phone,
    client: TestClient,
    other: TestClient,
}

impl Scene {
    async fn new(by_lid: bool) -> Self {
        let (sim, [ana, bia, caio]) = people::three(by_lid).await;
        let client = TestClient::linked(&sim, &ana).await;
        let other = TestClient::linked(&sim, &bia).await;
        Self { sim, bia, caio, client, other }
    }

    /// A group that Ana's client makes with Bia in it.
    async fn group(&self) -> Jid {
        let bia = GroupParticipantOptions::new(Jid::pn(BIA));
        let options = GroupCreateOptions::builder().subject("Friends").participants(vec![bia]);
        let made = self.client.client.groups().create_group(options.build()).await.unwrap();
        made.metadata.id
    }

    fn view(&self, group: &Jid) -> GroupView {
        self.sim.group(&group.to_string()).unwrap()
    }

    /// Nothing has been asked for that the simulator does not know, and nothing waits.
    async fn is_settled(&self) {
        eventually("empty queues", async || self.sim.stats().queued == 0).await;
        assert!(self.sim.stats().unknown.is_empty(), "{:?}", self.sim.stats());
    }
}

/// Waits for what a client is told about a group.
async fn told<T>(client: &TestClient, wanted: impl Fn(&Action) -> Option<T>) -> T {
    client
        .event(|event| match event {
            Event::GroupUpdate(update) => wanted(&update.action),
            _ => None,
        })
        .await
}

/// What became of each participant.
fn verdicts(answers: &[ParticipantChangeResponse]) -> Vec<Option<&str>> {
    answers.iter().map(|answer| answer.error.as_deref()).collect()
}

#[tokio::test]
async fn a_client_makes_a_group_and_writes_there() {
    for by_lid in [false, true] {
        let scene = Scene::new(by_lid).await;
        let group = scene.group().await;
        let raw = told(&scene.other, |action| match action {
            Action::Create { raw } => Some(raw.clone()),
            _ => None,
        })
        .await;
        assert_eq!(raw.attrs.get("type").unwrap().as_str(), "new");
        let view = scene.view(&group);
        assert_eq!((view.subject.as_str(), view.members.len()), ("Friends", 2));
        assert_eq!(view.members[0].role, Role::SuperAdmin);
        assert_eq!(view.members[0].number, ANA);
        scene.client.send_to(group.clone(), "first").await;
        scene.other.text("first").await;
        let jid = group.to_string();
        scene.bia.wait_for_message(|shown| shown.chat == jid).await.unwrap();
        scene.is_settled().await;
    }
}

#[tokio::test]
async fn a_client_adds_removes_promotes_and_demotes() {
    for by_lid in [false, true] {
        let scene = Scene::new(by_lid).await;
        let group = scene.group().await;
        let groups = scene.client.client.groups();
        let caio = [Jid::pn(CAIO)];
        let some = [Jid::pn(CAIO), Jid::pn(BIA), Jid::pn("5511999990009")];
        let added = groups.add_participants(&group, &some).await.unwrap();
        assert_eq!(verdicts(&added), [None, Some("409"), Some("404")]);
        let address = if by_lid { scene.caio.lid() } else { scene.caio.jid() };
        assert_eq!(added[0].jid.to_string(), address);
        scene.client.send_to(group.clone(), "for all").await;
        let wanted =
            |shown: &wharf_whatsapp_sim::ShownMessage| shown.text.as_deref() == Some("for all");
        scene.caio.wait_for_message(wanted).await.unwrap();

        let promoted = groups.promote_participants(&group, &caio).await.unwrap();
        assert_eq!(verdicts(&promoted), [None]);
        assert_eq!(scene.view(&group).members[2].role, Role::Admin);
        let demoted = groups.demote_participants(&group, &caio).await.unwrap();
        assert_eq!(verdicts(&demoted), [None]);
        assert_eq!(scene.view(&group).members[2].role, Role::Member);
        let removed = groups.remove_participants(&group, &caio).await.unwrap();
        assert_eq!(verdicts(&removed), [None]);
        told(&scene.other, |action| matches!(action, Action::Remove { .. }).then_some(())).await;
        // Bia is no admin.
        let theirs = scene.other.client.groups();
        assert!(theirs.promote_participants(&group, &[Jid::pn(BIA)]).await.is_err());

        groups.leave(&group).await.unwrap();
        told(&scene.other, |action| matches!(action, Action::Promote { .. }).then_some(())).await;
        let left: Vec<(String, Role)> =
            scene.view(&group).members.into_iter().map(|it| (it.number, it.role)).collect();
        assert_eq!(left, [(BIA.to_owned(), Role::Admin)]);
        theirs.leave(&group).await.unwrap();
        assert!(scene.sim.groups().is_empty());
        scene.is_settled().await;
    }
}

#[tokio::test]
async fn a_client_changes_what_a_group_is_called_and_what_may_be_done_there() {
    let scene = Scene::new(true).await;
    let group = scene.group().await;
    let groups = scene.client.client.groups();
    groups.set_subject(&group, GroupSubject::new("Best friends").unwrap()).await.unwrap();
    groups.set_announce(&group, true).await.unwrap();
    groups.set_locked(&group, true).await.unwrap();
    groups.set_ephemeral(&group, 604_800).await.unwrap();
    groups.set_membership_approval(&group, MembershipApprovalMode::On).await.unwrap();
    groups.set_member_add_mode(&group, MemberAddMode::AdminAdd).await.unwrap();
    let view = scene.view(&group);
    assert_eq!((view.subject.as_str(), view.ephemeral), ("Best friends", 604_800));
    assert!(view.announcement && view.locked && view.approval);
    assert_eq!(view.member_add_mode.as_str(), "admin_add");
    told(&scene.other, |action| match action {
        Action::MemberAddMode { mode } => (mode == "admin_add").then_some(()),
        _ => None,
    })
    .await;
    groups.set_announce(&group, false).await.unwrap();
    groups.set_locked(&group, false).await.unwrap();
    groups.set_ephemeral(&group, 0).await.unwrap();
    groups.set_membership_approval(&group, MembershipApprovalMode::Off).await.unwrap();
    let view = scene.view(&group);
    assert!(!(view.announcement || view.locked || view.approval) && view.ephemeral == 0);

    let text = |text: &str| Some(GroupDescription::new(text).unwrap());
    let resolve = || PreviousDescription::Resolve;
    groups.set_description(&group, text("who we are"), resolve()).await.unwrap();
    groups.set_description(&group, text("who we were"), resolve()).await.unwrap();
    let stale = PreviousDescription::Absent;
    let overtaken = groups.set_description(&group, text("whoever"), stale).await;
    assert!(matches!(overtaken, Err(GroupError::DescriptionConflict)), "{overtaken:?}");
    assert_eq!(scene.view(&group).description.as_deref(), Some("who we were"));
    groups.set_description(&group, None, resolve()).await.unwrap();
    assert_eq!(scene.view(&group).description, None);
    scene.is_settled().await;
}

#[tokio::test]
async fn a_client_gives_out_a_link_follows_one_and_lets_people_in() {
    for by_lid in [false, true] {
        let scene = Scene::new(by_lid).await;
        let group = scene.group().await;
        let groups = scene.client.client.groups();
        let link = groups.get_invite_link(&group, false).await.unwrap();
        assert_eq!(groups.get_invite_link(&group, false).await.unwrap(), link);
        assert!(scene.other.client.groups().get_invite_link(&group, false).await.is_err());
        assert_eq!(scene.caio.join_group(&link).await.unwrap().1, Joined::Joined);
        let fresh = groups.get_invite_link(&group, true).await.unwrap();
        assert_ne!(fresh, link);
        told(&scene.other, |action| matches!(action, Action::Invite { .. }).then_some(())).await;

        groups.set_membership_approval(&group, MembershipApprovalMode::On).await.unwrap();
        let name = group.to_string();
        scene.caio.change_group(&name, &GroupChange::Leave).await.unwrap();
        for approves in [false, true] {
            assert_eq!(scene.caio.join_group(&fresh).await.unwrap().1, Joined::Requested);
            let waiting = groups.get_membership_requests(&group).await.unwrap();
            let address = if by_lid { scene.caio.lid() } else { scene.caio.jid() };
            assert_eq!(waiting.len(), 1);
            assert_eq!(waiting[0].jid.to_string(), address);
            let who = [waiting[0].jid.clone()];
            let answer = if approves {
                groups.approve_membership_requests(&group, &who).await.unwrap()
            } else {
                groups.reject_membership_requests(&group, &who).await.unwrap()
            };
            assert_eq!(verdicts(&answer), [None]);
            let is_in = scene.view(&group).members.iter().any(|it| it.number == CAIO);
            assert_eq!(is_in, approves);
        }

        // The other way round: a phone's group, and the client follows the link.
        let theirs = scene.sim.create_group(CAIO, "Others", &[]).await.unwrap();
        let code = scene.caio.invite_code(&theirs).await.unwrap();
        let shown = groups.get_invite_info(&code).await.unwrap();
        assert_eq!(shown.subject.as_str(), "Others");
        assert!(groups.join_with_invite_code("NOWHERE").await.is_err());
        let joined = groups.join_with_invite_code(&code).await.unwrap();
        assert_eq!(joined, JoinGroupResult::Joined(theirs.parse().unwrap()));
        let reason = told(&scene.client, |action| match action {
            Action::Create { raw } => raw.attrs.get("reason").map(|it| it.as_str().into_owned()),
            _ => None,
        })
        .await;
        assert_eq!(reason, "invite");
        assert!(groups.join_with_invite_code(&code).await.is_err());
        scene.caio.change_group(&theirs, &GroupChange::Approval { on: true }).await.unwrap();
        let theirs: Jid = theirs.parse().unwrap();
        let asked = scene.other.client.groups();
        let pending = asked.join_with_invite_code(&code).await.unwrap();
        assert_eq!(pending, JoinGroupResult::PendingApproval(theirs.clone()));
        asked.cancel_membership_requests(&theirs, &[Jid::pn(BIA)]).await.unwrap();
        assert!(scene.view(&theirs).requests.is_empty());
        let known = groups.batch_get_info(vec![theirs, group]).await.unwrap();
        assert_eq!(known.len(), 2);
        scene.is_settled().await;
    }
}

#[tokio::test]
async fn changed_groups_survive_a_restart_and_deleted_ones_do_not_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let start = async || Simulator::builder().data_dir(directory.path()).start().await.unwrap();
    let sim = start().await;
    let ana = sim.create_phone(ANA, "Ana").unwrap();
    sim.create_phone(BIA, "Bia").unwrap();
    let group = sim.create_group(ANA, "Friends", &[BIA]).await.unwrap();
    let gone = sim.create_group(ANA, "Gone", &[BIA]).await.unwrap();
    let members = vec![BIA.to_owned()];
    for change in [
        GroupChange::Subject { subject: "Best friends".to_owned() },
        GroupChange::Description { text: Some("who we are".to_owned()) },
        GroupChange::Locked { on: true },
        GroupChange::Promote { members },
    ] {
        ana.change_group(&group, &change).await.unwrap();
    }
    ana.invite_code(&group).await.unwrap();
    ana.change_group(&gone, &GroupChange::Delete).await.unwrap();
    let before = sim.groups();
    assert_eq!(before.len(), 1);
    sim.stop().await;
    drop((ana, sim));
    let sim = start().await;
    assert_eq!(sim.groups(), before);
    sim.stop().await;
}
