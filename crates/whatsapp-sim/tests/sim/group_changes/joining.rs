//! People who come by a link, ask to be let in, or hide their number.

use super::*;

#[tokio::test]
async fn people_join_by_a_link_or_ask_to_be_let_in() {
    for by_lid in [false, true] {
        let scene = Scene::joined(by_lid).await;
        let Scene { sim, bia, client, group, .. } = &scene;
        scene.bia(GroupChange::Promote { members: numbers(&[ANA]) }).await;
        let eva = sim.create_phone("5511999990004", "Eva").unwrap();
        let link = format!("https://chat.whatsapp.com/{}", bia.invite_code(group).await.unwrap());
        assert_eq!(eva.join_group(&link).await.unwrap(), (group.clone(), Joined::Joined));
        let (joined, update) = scene
            .told(|action| match action {
                Action::Add { participants, reason: Some(reason) } => {
                    (reason == "invite").then(|| jids(participants))
                }
                _ => None,
            })
            .await;
        assert_eq!(joined, [scene.address(&eva)]);
        assert_eq!(update.participant.unwrap().to_string(), scene.address(&eva));
        assert!(matches!(eva.join_group(&link).await, Err(Error::Conflict(_))));

        scene.bia(GroupChange::ResetInvite).await;
        let code = bia.invite_code(group).await.unwrap();
        scene
            .told(|action| match action {
                Action::Invite { code: told } => (*told == code).then_some(()),
                _ => None,
            })
            .await;
        let ivo = sim.create_phone("5511999990005", "Ivo").unwrap();
        assert!(matches!(ivo.join_group(&link).await, Err(Error::NotFound(_))));

        scene.bia(GroupChange::Approval { on: true }).await;
        let requests = || {
            client.all(|event| match event {
                Event::GroupUpdate(update) => match &update.action {
                    Action::CreatedMembershipRequests { requests, .. } => Some(jids(requests)),
                    _ => None,
                },
                _ => None,
            })
        };
        for (verdict, asked) in [
            (GroupChange::Reject { members: numbers(&[&ivo.number()]) }, 1),
            (GroupChange::Approve { members: numbers(&[&ivo.number()]) }, 2),
        ] {
            assert_eq!(ivo.join_group(&code).await.unwrap().1, Joined::Requested);
            eventually("a request", async || requests().len() == asked).await;
            assert_eq!(requests()[asked - 1], [scene.address(&ivo)]);
            assert_eq!(sim.group(group).unwrap().requests, [ivo.number()]);
            scene.bia(verdict).await;
        }
        let (refused, _) = scene
            .told(|action| match action {
                Action::RevokedMembershipRequests { participants } => Some(participants.clone()),
                _ => None,
            })
            .await;
        assert_eq!(refused[0].to_string(), scene.address(&ivo));
        scene
            .told(|action| match action {
                Action::Add { participants, reason: None } => {
                    (jids(participants) == [scene.address(&ivo)]).then_some(())
                }
                _ => None,
            })
            .await;
        scene.is_settled().await;
    }
}

#[tokio::test]
async fn a_member_who_hides_the_number_is_known_by_lid_alone() {
    for by_lid in [false, true] {
        let scene = Scene::joined(by_lid).await;
        let Scene { sim, caio, client, group, .. } = &scene;
        let eva = sim.create_phone("5511999990004", "Eva").unwrap();
        eva.hide_number(true).await;
        scene.bia(add(&[&eva.number()])).await;
        let (added, _) = scene
            .told(|action| match action {
                Action::Add { participants, .. } => Some(participants.clone()),
                _ => None,
            })
            .await;
        assert_eq!(jids(&added), [eva.lid()]);
        assert_eq!((&added[0].phone_number, &added[0].lid), (&None, &None));
        eva.change_group(group, &GroupChange::Subject { subject: "Eva's".to_owned() })
            .await
            .unwrap();
        let (owner, update) = scene
            .told(|action| match action {
                Action::Subject { subject_owner, .. } => Some(subject_owner.clone()),
                _ => None,
            })
            .await;
        assert_eq!(owner.unwrap().to_string(), eva.lid());
        assert_eq!(update.participant.unwrap().to_string(), eva.lid());
        assert_eq!(update.participant_pn, None);
        let known = client.client.groups().get_metadata(&scene.group()).await.unwrap();
        let shown = known.participants.iter().find(|member| member.jid.to_string() == eva.lid());
        assert_eq!(shown.unwrap().phone_number, None);

        eva.send_text(group, "psst").await.unwrap();
        let (_, info) = client.text("psst").await;
        assert_eq!(info.source.sender.to_string(), eva.lid());
        client.send_to(scene.group(), "hello").await;
        for phone in [caio, &eva] {
            phone.wait_for_message(|it| it.text.as_deref() == Some("hello")).await.unwrap();
        }
        scene.is_settled().await;
    }
}
