use std::sync::Arc;

use whatsapp_rust::Client;

use super::Core;
use crate::queue::Entry;

impl Core {
    /// Asks where the own profile picture is, and tells what came of it.
    pub(crate) fn fetch_picture(self: &Arc<Self>, client: Arc<Client>) {
        let core = self.clone();
        self.tasks.run(async move {
            let Some(own) = client.pn().map(|own| own.to_non_ad()) else { return };
            let limit = core.config.answer_limit;
            let contacts = client.contacts();
            match contacts.get_profile_picture_with_timeout(&own, false, Some(limit)).await {
                Ok(picture) => {
                    core.set_picture(picture.map(|picture| picture.url));
                    core.queue.push(Entry::Profile);
                }
                Err(e) => tracing::debug!(error = %e, "could not ask for the profile picture"),
            }
        });
    }
}
