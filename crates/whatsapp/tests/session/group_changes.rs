use wharf_domain::{
    group::{GroupAction, GroupChange},
    message::Message,
    ports::SessionEvent,
};
use wharf_whatsapp_sim::{GroupChange as Change, Phone, Simulator};

use crate::world::{ANA, Live, OWN, Paired, World, eventually};

const BIA: &str = "5511999990002";
const CLARA: &str = "5511999990003";

struct Scene {
    world: World,
    paired: Paired,
    ana: Phone,
    group: String,
}

/// A group of Ana's with the owner and Bia in it, with addresses of both kinds.
async fn scenes() -> Vec<Scene> {
    let mut scenes = Vec::new();
    for by_lid in [false, true] {
        let simulator = Simulator::builder().lid_addressing(by_lid).start().await.unwrap();
        let world = World::on(simulator, |_| {});
        let paired = world.pair().await;
        let ana = world.phone(ANA, "Ana");
        world.phone(BIA, "Bia");
        world.phone(CLARA, "Clara");
        let group = world.simulator.create_group(ANA, "Amigas", &[OWN, BIA]).await.unwrap();
        scenes.push(Scene { world, paired, ana, group });
    }
    scenes
}

async fn change(live: &Live, wanted: impl Fn(&GroupAction) -> bool) -> GroupChange {
    live.recorder
        .event("change", |event| match event {
            SessionEvent::Group { change, .. } if wanted(&change.action) => Some(change.clone()),
            _ => None,
        })
        .await
}

fn users(change: &GroupChange) -> Vec<&str> {
    change.participants.iter().map(|party| party.jid.user()).collect()
}

fn numbers(numbers: &[&str]) -> Vec<String> {
    numbers.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_new_group_is_told_with_its_name_and_its_members() {
    for Scene { paired, group, .. } in scenes().await {
        let made = change(&paired.live, |it| *it == GroupAction::Created).await;
        assert_eq!(made.group.jid.to_string(), group);
        assert_eq!(made.group.name.as_deref(), Some("Amigas"));
        let mut members = users(&made);
        members.sort_unstable();
        assert_eq!(members, [ANA, BIA, OWN]);
        assert_eq!(made.author.unwrap().jid.user(), ANA);
    }
}

#[tokio::test]
async fn who_comes_and_goes_is_told_by_phone_number() {
    for Scene { paired, ana, group, .. } in scenes().await {
        let members = numbers(&[CLARA]);
        ana.change_group(&group, &Change::Add { members: members.clone() }).await.unwrap();
        let joined = change(&paired.live, |it| *it == GroupAction::Joined).await;
        assert_eq!(users(&joined), [CLARA]);
        assert_eq!(joined.author.as_ref().unwrap().jid.user(), ANA);
        assert_eq!(joined.group.name.as_deref(), Some("Amigas"));
        assert!(joined.participants[0].lid.is_some());
        ana.change_group(&group, &Change::Promote { members: members.clone() }).await.unwrap();
        let promoted = change(&paired.live, |it| *it == GroupAction::Promoted).await;
        assert_eq!(users(&promoted), [CLARA]);
        ana.change_group(&group, &Change::Demote { members: members.clone() }).await.unwrap();
        change(&paired.live, |it| *it == GroupAction::Demoted).await;
        ana.change_group(&group, &Change::Remove { members }).await.unwrap();
        let left = change(&paired.live, |it| *it == GroupAction::Left).await;
        assert_eq!(users(&left), [CLARA]);
    }
}

#[tokio::test]
async fn to_be_added_to_a_group_that_others_are_in_is_to_join_it() {
    for Scene { world, paired, ana, .. } in scenes().await {
        let other = world.simulator.create_group(ANA, "Trabalho", &[BIA]).await.unwrap();
        ana.change_group(&other, &Change::Add { members: numbers(&[OWN]) }).await.unwrap();
        let joined = change(&paired.live, |it| *it == GroupAction::Joined).await;
        assert_eq!((users(&joined), joined.group.name.as_deref()), (vec![OWN], Some("Trabalho")));
        let id = ana.send_text(&other, "bem-vindo").await.unwrap();
        let message: Message = paired.live.recorder.message("bem-vindo").await;
        assert_eq!(
            (message.id.as_str(), message.chat.party.name.as_deref()),
            (&*id, Some("Trabalho"))
        );
    }
}

#[tokio::test]
async fn what_is_set_in_a_group_is_told() {
    for Scene { paired, ana, group, .. } in scenes().await {
        let name = GroupAction::Name("Parentes".to_owned());
        let topic = GroupAction::Topic(Some("regras".to_owned()));
        let table = [
            (Change::Subject { subject: "Parentes".to_owned() }, name),
            (Change::Description { text: Some("regras".to_owned()) }, topic),
            (Change::Description { text: None }, GroupAction::Topic(None)),
            (Change::Announcement { on: true }, GroupAction::Announce(true)),
            (Change::Announcement { on: false }, GroupAction::Announce(false)),
            (Change::Locked { on: true }, GroupAction::Locked(true)),
            (Change::Locked { on: false }, GroupAction::Locked(false)),
            (Change::Ephemeral { seconds: 86_400 }, GroupAction::Ephemeral(86_400)),
            (Change::Ephemeral { seconds: 0 }, GroupAction::Ephemeral(0)),
            (Change::Approval { on: true }, GroupAction::Approval(true)),
            (Change::ResetInvite, GroupAction::Link),
            (
                Change::Other { tag: "something_new".to_owned() },
                GroupAction::Other("something_new".to_owned()),
            ),
        ];
        for (done, action) in table {
            ana.change_group(&group, &done).await.unwrap();
            let told = change(&paired.live, |it| *it == action).await;
            assert_eq!(told.author.unwrap().jid.user(), ANA, "{action:?}");
        }
        ana.send_text(&group, "gostaram?").await.unwrap();
        let message = paired.live.recorder.message("gostaram?").await;
        assert_eq!(message.chat.party.name.as_deref(), Some("Parentes"));
    }
}

#[tokio::test]
async fn who_asks_to_be_let_in_is_told_to_an_admin() {
    for Scene { world, paired, ana, group, .. } in scenes().await {
        ana.change_group(&group, &Change::Promote { members: numbers(&[OWN]) }).await.unwrap();
        ana.change_group(&group, &Change::Approval { on: true }).await.unwrap();
        let code = ana.invite_code(&group).await.unwrap();
        let diana = world.phone("5511999990004", "Diana");
        diana.join_group(&code).await.unwrap();
        let asked = change(&paired.live, |it| *it == GroupAction::JoinRequested).await;
        // In a group that goes by LID, nothing more is told of somebody who is not in it.
        let is_diana = |change: &GroupChange| {
            let [one] = &change.participants[..] else { return false };
            [&one.jid.to_string(), &one.lid.as_ref().unwrap_or(&one.jid).to_string()]
                .iter()
                .any(|jid| **jid == diana.jid() || **jid == diana.lid())
        };
        assert!(is_diana(&asked), "{asked:?}");
        let members = numbers(&["5511999990004"]);
        ana.change_group(&group, &Change::Reject { members }).await.unwrap();
        let refused = change(&paired.live, |it| *it == GroupAction::JoinRequestRevoked).await;
        assert!(is_diana(&refused), "{refused:?}");
    }
}

#[tokio::test]
async fn a_group_made_before_the_device_is_known_by_name_once_it_was_asked_for() {
    let world = World::new().await;
    let phone = world.phone(OWN, "Loja");
    let ana = world.phone(ANA, "Ana");
    let group = world.simulator.create_group(ANA, "Antiga", &[OWN]).await.unwrap();
    let paired = world.pair_with(phone, crate::world::request(crate::world::instance())).await;
    let sent = std::sync::atomic::AtomicUsize::new(0);
    ana.send_text(&group, "0").await.unwrap();
    paired.live.recorder.message("0").await;
    // Some message after it carries the name; which one hangs on how fast WhatsApp answers.
    let is_named = async {
        loop {
            let n = 1 + sent.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            ana.send_text(&group, &n.to_string()).await.unwrap();
            let message = paired.live.recorder.message(&n.to_string()).await;
            if let Some(name) = message.chat.party.name {
                return name;
            }
        }
    };
    let name = tokio::time::timeout(crate::recorder::PATIENCE, is_named).await;
    assert_eq!(name.unwrap(), "Antiga");
    // The next session knows it from the first message on.
    paired.live.session.stop().await;
    let next = world.reconnect(paired.instance).await;
    ana.send_text(&group, "outra vez").await.unwrap();
    let message = next.recorder.message("outra vez").await;
    assert_eq!(message.chat.party.name.as_deref(), Some("Antiga"));
}

#[tokio::test]
async fn changes_that_came_while_nobody_was_there_are_told_once() {
    let Scene { world, paired, ana, group } = scenes().await.remove(0);
    change(&paired.live, |it| *it == GroupAction::Created).await;
    paired.live.session.stop().await;
    ana.change_group(&group, &Change::Subject { subject: "Novo".to_owned() }).await.unwrap();
    let live = world.reconnect(paired.instance).await;
    change(&live, |it| *it == GroupAction::Name("Novo".to_owned())).await;
    let changes = || {
        live.recorder
            .count(|told| matches!(told, crate::recorder::Told::Event(SessionEvent::Group { .. })))
    };
    eventually("one change", || changes() == 1).await;
}
