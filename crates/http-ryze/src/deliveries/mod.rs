//! Deliveries: what of the events is on its way to webhooks, and what became of it.

mod discard;
mod list;
mod replay;
mod test;

use crate::routes::Routes;

pub(crate) fn endpoints(config: &mut Routes<'_, '_>) {
    config
        .service(list::list)
        .service(discard::discard)
        .service(replay::replay)
        .service(test::test);
}
