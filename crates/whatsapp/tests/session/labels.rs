use wharf_domain::{
    event::EventKey,
    label::{LabelAction, LabelChange},
    ports::SessionEvent,
};

use crate::{
    recorder::Told,
    world::{ANA, Live, World},
};

async fn label(live: &Live, wanted: impl Fn(&LabelChange) -> bool) -> (EventKey, LabelChange) {
    live.recorder
        .event("label", |event| match event {
            SessionEvent::Label { key, change } if wanted(change) => {
                Some((key.clone(), change.clone()))
            }
            _ => None,
        })
        .await
}

#[tokio::test]
async fn labels_are_made_put_on_chats_and_deleted() {
    let world = World::new().await;
    let paired = world.pair().await;
    world.phone(ANA, "Ana");
    paired.phone.edit_label("7", "Pago", 3).await.unwrap();
    let (_, made) = label(&paired.live, |_| true).await;
    assert_eq!(made.label, "7");
    assert_eq!(made.action, LabelAction::Edited { name: "Pago".to_owned(), color: 3 });
    paired.phone.label_chat("7", ANA, true).await.unwrap();
    let (_, put) =
        label(&paired.live, |it| matches!(it.action, LabelAction::Chat { labeled: true, .. }))
            .await;
    let LabelAction::Chat { chat, .. } = put.action else { panic!("{put:?}") };
    assert_eq!((chat.jid.user(), put.label.as_str()), (ANA, "7"));
    paired.phone.label_chat("7", ANA, false).await.unwrap();
    label(&paired.live, |it| matches!(it.action, LabelAction::Chat { labeled: false, .. })).await;
    paired.phone.delete_label("7").await.unwrap();
    label(&paired.live, |it| matches!(it.action, LabelAction::Deleted { .. })).await;
}

#[tokio::test]
async fn what_a_new_device_is_told_of_labels_is_known_by_the_same_key() {
    let world = World::new().await;
    let paired = world.pair().await;
    world.phone(ANA, "Ana");
    paired.phone.edit_label("7", "Pago", 3).await.unwrap();
    paired.phone.label_chat("7", ANA, true).await.unwrap();
    let chat = |it: &LabelChange| matches!(it.action, LabelAction::Chat { .. });
    let (live, _) = label(&paired.live, chat).await;
    // Another device of the same account takes all of it in at once.
    let other =
        world.pair_with(paired.phone.clone(), crate::world::request(crate::world::instance()));
    let other = other.await;
    let (anew, _) = label(&other.live, chat).await;
    assert_eq!(anew, live);
    let keys = |live: &Live| {
        let told = live.recorder.told();
        let keys = told.into_iter().filter_map(|told| match told {
            Told::Event(SessionEvent::Label { key, .. }) => Some(key.0),
            _ => None,
        });
        let mut keys: Vec<_> = keys.collect();
        keys.sort();
        keys
    };
    assert_eq!(keys(&other.live), keys(&paired.live));
}

/// Each change is announced, mostly while the one before is still being fetched.
#[tokio::test]
async fn labels_that_are_made_in_quick_succession_are_all_told() {
    let world = World::new().await;
    let paired = world.pair().await;
    for round in 0..10 {
        for n in 0..5 {
            let id = format!("{}", 5 * round + n);
            paired.phone.edit_label(&id, "Pago", n).await.unwrap();
        }
        // The last of a round is told before there is anything that would make it be fetched.
        let last = format!("{}", 5 * round + 4);
        label(&paired.live, |it| it.label == last).await;
    }
    let told =
        paired.live.recorder.count(|told| matches!(told, Told::Event(SessionEvent::Label { .. })));
    assert_eq!(told, 50);
}
