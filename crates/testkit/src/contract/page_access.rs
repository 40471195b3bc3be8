//! What a [`PageAccess`](wharf_domain::ports::PageAccess) promises.

use wharf_domain::{Error, Resource, instance::InstanceId, ports::PageTicket, secret::Secret};

use super::setting::at_once;
use crate::{Stores, build};

/// Makes a test of each thing a `PageAccess` promises.
#[macro_export]
macro_rules! page_access_contract {
    ($stores:expr $(, #[$attribute:meta])*) => {
        $crate::contract!(page_access, $stores, [$($attribute),*], [
            a_ticket_opens_its_instance_until_it_expires,
            a_ticket_nobody_granted_opens_nothing,
            a_single_use_ticket_opens_once,
            of_concurrent_uses_of_a_single_use_ticket_one_is_admitted,
            a_ticket_to_no_instance_is_refused,
            tickets_are_of_one_instance_each,
            an_instance_takes_its_tickets_along,
            expired_tickets_are_forgotten,
        ]);
    };
}

/// Valid for a minute from the start.
fn ticket(instance: InstanceId, single_use: bool) -> PageTicket {
    let token = Secret::new(format!("ticket-{}", build::uuid().simple()));
    PageTicket { token, instance, expires_at: build::moment(60), single_use }
}

async fn granted(stores: &Stores, instance: InstanceId, single_use: bool) -> PageTicket {
    let ticket = ticket(instance, single_use);
    stores.pages.grant(&ticket, build::moment(0)).await.unwrap();
    ticket
}

async fn admit(stores: &Stores, ticket: &PageTicket, seconds: i64) -> Option<InstanceId> {
    stores.pages.admit(&ticket.token, build::moment(seconds)).await.unwrap()
}

/// As often as it is shown; the moment of expiry is too late.
pub async fn a_ticket_opens_its_instance_until_it_expires(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let ticket = granted(stores, instance, false).await;
    for seconds in [0, 1, 59] {
        assert_eq!(admit(stores, &ticket, seconds).await, Some(instance));
    }
    assert_eq!(admit(stores, &ticket, 60).await, None);
    let link = granted(stores, instance, true).await;
    assert_eq!(admit(stores, &link, 60).await, None);
}

/// Tokens of the API are no tickets either.
pub async fn a_ticket_nobody_granted_opens_nothing(stores: &Stores) {
    let instance = stores.with_instance("sales").await;
    granted(stores, instance.id, false).await;
    assert_eq!(admit(stores, &ticket(instance.id, false), 1).await, None);
    let token = Secret::new(instance.token.expose());
    assert_eq!(stores.pages.admit(&token, build::moment(1)).await.unwrap(), None);
    assert_eq!(stores.pages.admit(&Secret::new(""), build::moment(1)).await.unwrap(), None);
}

/// And leaves the others alone.
pub async fn a_single_use_ticket_opens_once(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let (one, other) =
        (granted(stores, instance, true).await, granted(stores, instance, true).await);
    assert_eq!(admit(stores, &one, 1).await, Some(instance));
    assert_eq!(admit(stores, &one, 1).await, None);
    assert_eq!(admit(stores, &other, 1).await, Some(instance));
}

/// The look and the removal are one step.
pub async fn of_concurrent_uses_of_a_single_use_ticket_one_is_admitted(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let ticket = granted(stores, instance, true).await;
    let admitted = at_once(8, |_| {
        let (pages, token) = (stores.pages.clone(), ticket.token.clone());
        async move { pages.admit(&token, build::moment(1)).await.unwrap() }
    })
    .await;
    assert_eq!(admitted.into_iter().flatten().collect::<Vec<_>>(), [instance]);
}

/// It may have gone a moment ago.
pub async fn a_ticket_to_no_instance_is_refused(stores: &Stores) {
    let ticket = ticket(InstanceId(build::uuid()), false);
    let refusal = stores.pages.grant(&ticket, build::moment(0)).await.unwrap_err();
    assert!(matches!(refusal, Error::NotFound(Resource::Instance)), "{refusal:?}");
    assert_eq!(admit(stores, &ticket, 1).await, None);
}

/// Each opens the one it was granted for.
pub async fn tickets_are_of_one_instance_each(stores: &Stores) {
    for name in ["one", "two"] {
        let instance = stores.with_instance(name).await.id;
        let ticket = granted(stores, instance, false).await;
        assert_eq!(admit(stores, &ticket, 1).await, Some(instance));
    }
}

/// Those of others stay.
pub async fn an_instance_takes_its_tickets_along(stores: &Stores) {
    let (gone, stays) =
        (stores.with_instance("gone").await.id, stores.with_instance("stays").await.id);
    let (of_gone, of_stays) =
        (granted(stores, gone, false).await, granted(stores, stays, false).await);
    assert!(stores.instances.remove(gone).await.unwrap());
    assert_eq!(admit(stores, &of_gone, 1).await, None);
    assert_eq!(admit(stores, &of_stays, 1).await, Some(stays));
}

/// The next grant removes them for good; those that still count stay.
pub async fn expired_tickets_are_forgotten(stores: &Stores) {
    let instance = stores.with_instance("sales").await.id;
    let old = granted(stores, instance, false).await;
    let young = PageTicket { expires_at: build::moment(61), ..ticket(instance, false) };
    stores.pages.grant(&young, build::moment(0)).await.unwrap();
    let next = PageTicket { expires_at: build::moment(120), ..ticket(instance, false) };
    stores.pages.grant(&next, build::moment(60)).await.unwrap();
    // A clock that went back does not bring it back.
    assert_eq!(admit(stores, &old, 1).await, None);
    assert_eq!(admit(stores, &young, 1).await, Some(instance));
    assert_eq!(admit(stores, &next, 1).await, Some(instance));
}
