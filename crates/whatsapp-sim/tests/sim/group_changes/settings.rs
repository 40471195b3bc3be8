//! What may be done in a group, and by whom.

use super::*;

#[tokio::test]
async fn a_client_hears_of_every_setting_and_finds_them_in_the_description() {
    for by_lid in [false, true] {
        let scene = Scene::joined(by_lid).await;
        scene.bia(GroupChange::Subject { subject: "Best friends".to_owned() }).await;
        let (owner, _) = scene
            .told(|action| match action {
                Action::Subject { subject, subject_owner, subject_time: Some(_) } => {
                    (subject == "Best friends").then(|| subject_owner.clone())
                }
                _ => None,
            })
            .await;
        assert_eq!(owner.unwrap().to_string(), scene.address(&scene.bia));

        scene.bia(GroupChange::Description { text: Some("who we are".to_owned()) }).await;
        let description = |wanted: Option<&str>| {
            let wanted = wanted.map(str::to_owned);
            move |action: &Action| match action {
                Action::Description { id, description } => {
                    (*description == wanted && !id.is_empty()).then(|| id.clone())
                }
                _ => None,
            }
        };
        let (first, _) = scene.told(description(Some("who we are"))).await;

        for on in [true, false] {
            scene.bia(GroupChange::Announcement { on }).await;
            scene.bia(GroupChange::Locked { on }).await;
            scene.bia(GroupChange::Approval { on }).await;
            scene.bia(GroupChange::Ephemeral { seconds: if on { 86_400 } else { 0 } }).await;
            let mode = if on { MemberAddMode::AdminAdd } else { MemberAddMode::AllMemberAdd };
            scene.bia(GroupChange::MemberAddMode { mode }).await;
            let is_told = async |wanted: &dyn Fn(&Action) -> bool| {
                scene.told(|action| wanted(action).then_some(())).await;
            };
            is_told(&|action| match action {
                Action::Announce => on,
                Action::NotAnnounce => !on,
                _ => false,
            })
            .await;
            is_told(&|action| match action {
                Action::Locked { .. } => on,
                Action::Unlocked => !on,
                _ => false,
            })
            .await;
            is_told(&|action| {
                matches!(action, Action::MembershipApprovalMode { enabled } if *enabled == on)
            })
            .await;
            is_told(&|action| {
                matches!(action, Action::Ephemeral { expiration, .. } if (*expiration == 86_400) == on)
            })
            .await;
            is_told(&|action| {
                matches!(action, Action::MemberAddMode { mode: told } if *told == mode.as_str())
            })
            .await;

            let known = scene.client.client.groups().get_metadata(&scene.group()).await.unwrap();
            assert_eq!(known.subject.as_str(), "Best friends");
            assert_eq!(known.description.as_deref(), Some("who we are"));
            assert_eq!(known.description_id.as_deref(), Some(first.as_str()));
            assert_eq!((known.is_announcement, known.is_locked), (on, on));
            assert_eq!(known.membership_approval, on);
            let expiration = known.ephemeral.and_then(|ephemeral| ephemeral.expiration);
            assert_eq!(expiration, on.then_some(86_400));
            // The library reads no `member_add_mode` there: it is no word of the wire's dictionary.
            let view = scene.sim.group(&scene.group).unwrap();
            assert_eq!(view.member_add_mode, mode);
        }
        scene.bia(GroupChange::Description { text: None }).await;
        scene.told(description(None)).await;
        let known = scene.client.client.groups().get_metadata(&scene.group()).await.unwrap();
        assert_eq!(known.description, None);

        scene.bia(GroupChange::Other { tag: "suspended".to_owned() }).await;
        scene.told(|action| matches!(action, Action::Suspended).then_some(())).await;
        scene.bia(GroupChange::Delete).await;
        scene.told(|action| matches!(action, Action::Delete { .. }).then_some(())).await;
        assert_eq!(scene.sim.group(&scene.group), None);
        assert!(scene.bia.send_text(&scene.group, "anybody?").await.is_err());
        scene.is_settled().await;
    }
}

#[tokio::test]
async fn who_may_do_what_is_the_groups_choice() {
    let scene = Scene::joined(false).await;
    let Scene { sim, ana, caio, client, group, .. } = &scene;
    let refused = async |phone: &Phone, change: GroupChange| {
        let answer = phone.change_group(group, &change).await;
        assert!(matches!(answer, Err(Error::Conflict(_))), "{change:?}: {answer:?}");
    };
    refused(caio, GroupChange::Announcement { on: true }).await;
    refused(caio, remove(&[ANA])).await;
    refused(&scene.bia, remove(&[])).await;
    scene.bia(GroupChange::Announcement { on: true }).await;
    assert!(matches!(caio.send_text(group, "psst").await, Err(Error::Conflict(_))));
    let id = client.send_to(scene.group(), "psst").await;
    assert_eq!(client.ack(&id).await.as_deref(), Some("403"));
    scene.bia(GroupChange::Promote { members: numbers(&[ANA]) }).await;
    client.send_to(scene.group(), "listen").await;
    caio.wait_for_message(|message| message.text.as_deref() == Some("listen")).await.unwrap();

    refused(ana, remove(&[BIA])).await;
    scene.bia(GroupChange::Leave).await;
    let roles = |sim: &Simulator| {
        let members = sim.group(group).unwrap().members;
        members.into_iter().map(|member| (member.number, member.role)).collect::<Vec<_>>()
    };
    let expected = [(CAIO.to_owned(), Role::Member), (ANA.to_owned(), Role::Admin)];
    assert_eq!(roles(sim), expected);
    refused(&scene.bia, GroupChange::Locked { on: true }).await;
    let nobody = ana.change_group(group, &add(&["5511999990009"])).await;
    assert!(matches!(nobody, Err(Error::NotFound("member"))), "{nobody:?}");
}
