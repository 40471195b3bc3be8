//! Chats: what lies in them.

mod base64;

use crate::routes::Routes;

pub(crate) fn endpoints(config: &mut Routes<'_, '_>) {
    config.service(base64::read);
}
