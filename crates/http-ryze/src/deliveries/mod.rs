//! Deliveries: what of the events is on its way to webhooks, and what became of it.

mod discard;
mod list;
mod replay;
mod test;

use utoipa_actix_web::service_config::ServiceConfig;

pub(crate) fn endpoints(config: &mut ServiceConfig<'_>) {
    config
        .service(list::list)
        .service(discard::discard)
        .service(replay::replay)
        .service(test::test);
}
