use wharf_domain::{instance::Profile, ports::SessionEvent};

use crate::world::{Live, World};

async fn changed(live: &Live) -> Profile {
    live.recorder
        .event("profile with a picture asked for", |event| match event {
            SessionEvent::ProfileChanged(profile) if profile.name.is_some() => {
                Some(profile.clone())
            }
            _ => None,
        })
        .await
}

#[tokio::test]
async fn the_picture_is_told_after_each_connect() {
    let world = World::new().await;
    let paired = world.pair().await;
    let pictures = [Some("https://pps.example/loja.jpg"), Some("https://pps.example/2.jpg"), None];
    for picture in pictures {
        paired.phone.set_picture(picture).await.unwrap();
        paired.live.session.stop().await;
        let live = world.reconnect(paired.instance).await;
        let profile = changed(&live).await;
        assert_eq!(profile.picture_url.as_deref(), picture);
        assert_eq!(profile.name.as_deref(), Some("Loja"));
        live.session.stop().await;
    }
}
