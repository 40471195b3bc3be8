//! What an [`AccountStore`](wharf_domain::ports::AccountStore) promises.

use wharf_domain::{
    Error, Resource,
    account::{AccountId, AccountName},
    cors::Origin,
    token::Principal,
};

use super::setting::at_once;
use crate::{Stores, build};

/// Makes a test of each thing an `AccountStore` promises.
#[macro_export]
macro_rules! account_store_contract {
    ($stores:expr $(, #[$attribute:meta])*) => {
        $crate::contract!(account_store, $stores, [$($attribute),*], [
            an_inserted_account_is_found_by_name_and_by_id,
            an_account_nobody_made_is_not_found,
            a_taken_account_name_is_refused_and_nothing_written,
            a_token_taken_by_an_account_is_refused_and_nothing_written,
            a_token_taken_by_an_instance_is_refused_and_nothing_written,
            of_concurrent_inserts_of_one_account_name_one_wins,
            of_concurrent_inserts_with_one_account_token_one_wins,
            accounts_are_listed_by_name,
            a_rotated_token_replaces_the_old_one,
            a_token_cannot_be_rotated_to_a_taken_one,
            a_token_of_no_account_cannot_be_rotated,
            a_quota_can_be_set_and_lifted,
            origins_can_be_set_and_taken_back,
            an_origin_is_allowed_when_any_account_allows_it,
            an_account_in_use_is_not_removed,
            a_forced_removal_takes_the_instances_along,
            a_removal_of_nothing_says_so,
            a_removed_account_frees_its_name_and_token,
            a_token_is_identified_with_whom_it_belongs_to,
            a_token_of_nobody_is_identified_with_nobody,
        ]);
    };
}

fn origins(raw: &[&str]) -> Vec<Origin> {
    raw.iter().map(|raw| Origin::parse(raw).unwrap()).collect()
}

/// What was inserted comes back whole, with and without a quota and origins.
pub async fn an_inserted_account_is_found_by_name_and_by_id(stores: &Stores) {
    for quota in [None, Some(0), Some(u32::MAX)] {
        let mut account = build::account(&format!("quota-{}", quota.unwrap_or(7)));
        account.quota = quota;
        account.cors = origins(&["https://a.example", "http://b.example:8080"]);
        account.cors.truncate(account.quota.map_or(0, |quota| quota.min(2) as usize));
        stores.accounts.insert(&account, &build::token()).await.unwrap();
        let found = stores.accounts.find(&account.name).await.unwrap();
        assert_eq!(found.as_ref(), Some(&account));
        assert_eq!(stores.accounts.find_by_id(account.id).await.unwrap(), Some(account));
    }
}

/// Not finding an account is an answer.
pub async fn an_account_nobody_made_is_not_found(stores: &Stores) {
    stores.with_account("somebody").await;
    let name = AccountName::parse("nobody").unwrap();
    assert_eq!(stores.accounts.find(&name).await.unwrap(), None);
    assert_eq!(stores.accounts.find_by_id(AccountId(build::uuid())).await.unwrap(), None);
}

/// The first account stays, and the token that came with the second belongs to nobody.
pub async fn a_taken_account_name_is_refused_and_nothing_written(stores: &Stores) {
    let first = build::account("acme");
    stores.accounts.insert(&first, &build::token()).await.unwrap();
    let (second, token) = (build::account("acme"), build::token());
    let refusal = stores.accounts.insert(&second, &token).await.unwrap_err();
    assert!(matches!(refusal, Error::AlreadyExists(Resource::Account)), "{refusal:?}");
    assert_eq!(stores.accounts.find(&first.name).await.unwrap(), Some(first));
    assert_eq!(stores.accounts.find_by_id(second.id).await.unwrap(), None);
    assert_eq!(stores.accounts.identify(&token).await.unwrap(), None);
}

/// Two accounts have no token in common.
pub async fn a_token_taken_by_an_account_is_refused_and_nothing_written(stores: &Stores) {
    let (first, token) = (build::account("first"), build::token());
    stores.accounts.insert(&first, &token).await.unwrap();
    let second = build::account("second");
    let refusal = stores.accounts.insert(&second, &token).await.unwrap_err();
    assert!(matches!(refusal, Error::AlreadyExists(Resource::Token)), "{refusal:?}");
    assert_eq!(stores.accounts.find(&second.name).await.unwrap(), None);
    let holder = stores.accounts.identify(&token).await.unwrap();
    assert_eq!(holder, Some(Principal::Account(first.id)));
}

/// An account and an instance have no token in common either.
pub async fn a_token_taken_by_an_instance_is_refused_and_nothing_written(stores: &Stores) {
    let instance = stores.with_instance("sales").await;
    let account = build::account("late");
    let refusal = stores.accounts.insert(&account, &instance.token).await.unwrap_err();
    assert!(matches!(refusal, Error::AlreadyExists(Resource::Token)), "{refusal:?}");
    assert_eq!(stores.accounts.find(&account.name).await.unwrap(), None);
}

/// The check of the name and the write are one step.
pub async fn of_concurrent_inserts_of_one_account_name_one_wins(stores: &Stores) {
    let outcomes = at_once(8, |_| {
        let accounts = stores.accounts.clone();
        async move { accounts.insert(&build::account("acme"), &build::token()).await }
    })
    .await;
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    for refusal in lost {
        assert!(matches!(refusal, Err(Error::AlreadyExists(Resource::Account))), "{refusal:?}");
    }
}

/// The check of the token and the write are one step.
pub async fn of_concurrent_inserts_with_one_account_token_one_wins(stores: &Stores) {
    let token = build::token();
    let outcomes = at_once(8, |index| {
        let (accounts, token) = (stores.accounts.clone(), token.clone());
        async move { accounts.insert(&build::account(&format!("acme-{index}")), &token).await }
    })
    .await;
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    for refusal in lost {
        assert!(matches!(refusal, Err(Error::AlreadyExists(Resource::Token))), "{refusal:?}");
    }
    assert_eq!(stores.accounts.list().await.unwrap().len(), 1);
}

/// In the order of their names.
pub async fn accounts_are_listed_by_name(stores: &Stores) {
    assert_eq!(stores.accounts.list().await.unwrap(), []);
    for name in ["b", "a-1", "c", "Z", "a.1"] {
        stores.with_account(name).await;
    }
    let listed = stores.accounts.list().await.unwrap();
    let names: Vec<_> = listed.iter().map(|account| account.name.as_str()).collect();
    assert_eq!(names, ["Z", "a-1", "a.1", "b", "c"]);
}

/// The old token is refused from now on.
pub async fn a_rotated_token_replaces_the_old_one(stores: &Stores) {
    let (account, old, new) = (build::account("acme"), build::token(), build::token());
    stores.accounts.insert(&account, &old).await.unwrap();
    assert!(stores.accounts.rotate_token(account.id, &new).await.unwrap());
    assert_eq!(stores.accounts.identify(&old).await.unwrap(), None);
    let holder = stores.accounts.identify(&new).await.unwrap();
    assert_eq!(holder, Some(Principal::Account(account.id)));
}

/// A token is unique across the server; the old one still holds.
pub async fn a_token_cannot_be_rotated_to_a_taken_one(stores: &Stores) {
    let instance = stores.with_instance("sales").await;
    let (account, old) = (build::account("acme"), build::token());
    stores.accounts.insert(&account, &old).await.unwrap();
    let refusal = stores.accounts.rotate_token(account.id, &instance.token).await.unwrap_err();
    assert!(matches!(refusal, Error::AlreadyExists(Resource::Token)), "{refusal:?}");
    let holder = stores.accounts.identify(&old).await.unwrap();
    assert_eq!(holder, Some(Principal::Account(account.id)));
    let holder = stores.accounts.identify(&instance.token).await.unwrap();
    assert!(matches!(holder, Some(Principal::Instance { .. })), "{holder:?}");
}

/// It says that there is no such account.
pub async fn a_token_of_no_account_cannot_be_rotated(stores: &Stores) {
    let token = build::token();
    assert!(!stores.accounts.rotate_token(AccountId(build::uuid()), &token).await.unwrap());
    assert_eq!(stores.accounts.identify(&token).await.unwrap(), None);
}

/// A change of quota is seen at once, and says whether there was such an account.
pub async fn a_quota_can_be_set_and_lifted(stores: &Stores) {
    let id = stores.with_account("acme").await;
    for quota in [Some(3), Some(0), None] {
        assert!(stores.accounts.set_quota(id, quota).await.unwrap());
        assert_eq!(stores.accounts.find_by_id(id).await.unwrap().unwrap().quota, quota);
    }
    assert!(!stores.accounts.set_quota(AccountId(build::uuid()), Some(1)).await.unwrap());
}

/// In the order they were given, those of one account alone; none is a list too.
pub async fn origins_can_be_set_and_taken_back(stores: &Stores) {
    let (account, other) = (stores.with_account("acme").await, stores.with_account("other").await);
    let of = async |id| stores.accounts.find_by_id(id).await.unwrap().unwrap().cors;
    for given in [origins(&["https://b.example", "https://a.example", "http://[::1]:1"]), vec![]] {
        assert!(stores.accounts.set_cors(account, &given).await.unwrap());
        assert_eq!(of(account).await, given);
        assert_eq!(of(other).await, []);
    }
    let nobody = AccountId(build::uuid());
    assert!(!stores.accounts.set_cors(nobody, &origins(&["https://a.example"])).await.unwrap());
}

/// Whole origins only, as long as there is such an account.
pub async fn an_origin_is_allowed_when_any_account_allows_it(stores: &Stores) {
    let allows = async |raw: &str| {
        stores.accounts.allows_origin(&Origin::parse(raw).unwrap()).await.unwrap()
    };
    assert!(!allows("https://a.example").await);
    let (one, two) = (stores.with_account("one").await, stores.with_account("two").await);
    let (ours, theirs) = (origins(&["https://a.example"]), origins(&["https://b_c.example:81"]));
    stores.accounts.set_cors(one, &ours).await.unwrap();
    stores.accounts.set_cors(two, &theirs).await.unwrap();
    for allowed in ["https://a.example", "https://b_c.example:81"] {
        assert!(allows(allowed).await, "{allowed}");
    }
    for refused in [
        "http://a.example",
        "https://a.example:81",
        "https://a.exampl",
        "https://b_c.example",
        "https://bxc.example:81",
    ] {
        assert!(!allows(refused).await, "{refused}");
    }
    stores.accounts.set_cors(one, &[]).await.unwrap();
    assert!(!allows("https://a.example").await);
    assert!(stores.accounts.remove(two, false).await.unwrap());
    assert!(!allows("https://b_c.example:81").await);
}

/// It says how many instances are in the way.
pub async fn an_account_in_use_is_not_removed(stores: &Stores) {
    let first = stores.with_instance("first").await;
    let second = build::instance(first.account, "second");
    stores.instances.insert(&second, None).await.unwrap();
    let refusal = stores.accounts.remove(first.account, false).await.unwrap_err();
    assert!(matches!(refusal, Error::AccountInUse(2)), "{refusal:?}");
    assert!(stores.accounts.find_by_id(first.account).await.unwrap().is_some());
    assert_eq!(stores.instances.list(first.account).await.unwrap(), [first, second]);
}

/// All that is theirs goes too; what others have stays.
pub async fn a_forced_removal_takes_the_instances_along(stores: &Stores) {
    let (gone, stays) = (stores.with_instance("gone").await, stores.with_instance("stays").await);
    let (webhook, kept) =
        (stores.with_webhook(gone.id, "crm").await, stores.with_webhook(stays.id, "crm").await);
    let message = build::incoming(&build::phone("5511999990001"), "hi");
    for id in [gone.id, stays.id] {
        stores.append_one(id, build::message_event(message.clone())).await;
    }
    assert!(stores.accounts.remove(gone.account, true).await.unwrap());
    assert_eq!(stores.accounts.find_by_id(gone.account).await.unwrap(), None);
    assert_eq!(stores.instances.find_by_id(gone.id).await.unwrap(), None);
    assert_eq!(stores.webhooks.find_by_id(webhook.id).await.unwrap(), None);
    assert_eq!(stores.messages.find(gone.id, &message.id).await.unwrap(), None);
    assert_eq!(stores.accounts.identify(&gone.token).await.unwrap(), None);

    assert_eq!(stores.instances.find_by_id(stays.id).await.unwrap(), Some(stays.clone()));
    assert_eq!(stores.webhooks.find_by_id(kept.id).await.unwrap(), Some(kept));
    let deliveries = stores.all_due().await;
    assert_eq!(deliveries.iter().map(|one| one.event.instance).collect::<Vec<_>>(), [stays.id]);
}

/// With or without force.
pub async fn a_removal_of_nothing_says_so(stores: &Stores) {
    let id = stores.with_account("acme").await;
    assert!(stores.accounts.remove(id, false).await.unwrap());
    assert!(!stores.accounts.remove(id, false).await.unwrap());
    assert!(!stores.accounts.remove(id, true).await.unwrap());
}

/// Both may be used again.
pub async fn a_removed_account_frees_its_name_and_token(stores: &Stores) {
    let (account, token) = (build::account("acme"), build::token());
    stores.accounts.insert(&account, &token).await.unwrap();
    assert!(stores.accounts.remove(account.id, false).await.unwrap());
    assert_eq!(stores.accounts.identify(&token).await.unwrap(), None);
    stores.accounts.insert(&build::account("acme"), &token).await.unwrap();
}

/// Account and instance tokens are told apart.
pub async fn a_token_is_identified_with_whom_it_belongs_to(stores: &Stores) {
    let (account, token) = (build::account("acme"), build::token());
    stores.accounts.insert(&account, &token).await.unwrap();
    let instance = build::instance(account.id, "sales");
    stores.instances.insert(&instance, None).await.unwrap();
    let holder = stores.accounts.identify(&token).await.unwrap();
    assert_eq!(holder, Some(Principal::Account(account.id)));
    let holder = stores.accounts.identify(&instance.token).await.unwrap();
    let expected = Principal::Instance { account: account.id, instance: instance.id };
    assert_eq!(holder, Some(expected));
}

/// However much of a token is right.
pub async fn a_token_of_nobody_is_identified_with_nobody(stores: &Stores) {
    let instance = stores.with_instance("sales").await;
    let right = instance.token.expose();
    for wrong in [&right[..right.len() - 1], &format!("{right}x"), &right.to_uppercase()] {
        let token = wharf_domain::token::Token::parse(wrong).unwrap();
        assert_eq!(stores.accounts.identify(&token).await.unwrap(), None, "{wrong}");
    }
}
