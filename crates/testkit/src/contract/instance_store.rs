//! What an [`InstanceStore`](wharf_domain::ports::InstanceStore) promises.

use wharf_domain::{
    Error, Resource,
    account::AccountId,
    event::EventFilter,
    instance::{Instance, InstanceId, InstanceName, Profile},
    ports::InstanceChange,
    proxy::{ProxyConfig, ProxyProtocol},
    s3::S3Config,
    secret::Secret,
    settings::Settings,
    state::Standing,
    websocket::WebSocketConfig,
};

use super::setting::at_once;
use crate::{Stores, build};

/// Makes a test of each thing an `InstanceStore` promises.
#[macro_export]
macro_rules! instance_store_contract {
    ($stores:expr $(, #[$attribute:meta])*) => {
        $crate::contract!(instance_store, $stores, [$($attribute),*], [
            an_inserted_instance_comes_back_whole,
            an_instance_nobody_made_is_not_found,
            an_instance_is_inserted_with_its_first_webhook,
            a_taken_name_is_refused_and_nothing_written,
            a_name_may_be_used_again_in_another_account,
            a_taken_instance_token_is_refused_and_nothing_written,
            an_instance_of_no_account_is_refused,
            of_concurrent_inserts_of_one_name_one_wins,
            of_concurrent_inserts_with_one_token_one_wins,
            an_account_owns_no_more_than_its_quota,
            concurrent_inserts_do_not_exceed_the_quota,
            a_removed_instance_makes_room_in_the_quota,
            instances_are_listed_oldest_first,
            standings_are_those_of_all_accounts,
            each_part_is_changed_alone,
            several_changes_are_one_step,
            a_proxy_problem_stays_until_the_proxy_is_set_or_removed,
            an_update_of_nothing_says_so,
            a_removed_instance_is_gone_with_all_that_was_its_own,
            a_removal_of_one_leaves_the_others_alone,
            a_removed_instance_frees_its_name_and_token,
            a_repeated_removal_says_so,
        ]);
    };
}

fn proxy(password: Option<&str>) -> ProxyConfig {
    ProxyConfig {
        protocol: ProxyProtocol::Socks5,
        host: "proxy.example.com".to_owned(),
        port: 1080,
        username: password.map(|_| "u".to_owned()),
        password: password.map(Secret::new),
    }
}

fn s3(endpoint: Option<&str>) -> S3Config {
    S3Config {
        region: "us-east-1".to_owned(),
        bucket: "media".to_owned(),
        access_key: "AK".to_owned(),
        secret_key: Secret::new("SK"),
        endpoint: endpoint.map(str::to_owned),
        path_prefix: "in/".to_owned(),
    }
}

fn profile() -> Profile {
    Profile {
        jid: Some(build::phone("5511999990001")),
        lid: Some(build::jid("123456@lid")),
        name: Some("Loja São João".to_owned()),
        business_name: Some("Loja".to_owned()),
        picture_url: Some("https://pps.whatsapp.net/v/t61.jpg?oh=1".to_owned()),
    }
}

fn settings() -> Settings {
    Settings {
        auto_reject_calls: true,
        call_reject_message: "não \"agora\"".to_owned(),
        ignore_group_messages: true,
        keep_online_status: true,
        auto_read_messages: true,
        disable_history_sync: false,
        ignore_status: true,
    }
}

fn websocket() -> WebSocketConfig {
    let events = EventFilter::parse(["call.update", "message.exchange"]).unwrap();
    WebSocketConfig { enabled: true, events, media_base64: true }
}

/// An instance with all that an instance can have.
fn full(account: AccountId, name: &str) -> Instance {
    Instance {
        standing: Standing::Banned { until: Some(build::moment(3600)) },
        profile: profile(),
        settings: settings(),
        proxy: Some(proxy(Some("secret"))),
        websocket: Some(websocket()),
        s3: Some(s3(Some("https://s3.example.com"))),
        updated_at: build::moment(5),
        ..build::instance(account, name)
    }
}

/// By name and by id, whatever it has, unusual names too.
pub async fn an_inserted_instance_comes_back_whole(stores: &Stores) {
    let account = stores.with_account("acme").await;
    let bare = build::instance(account, "loja são joão 日本");
    let mut without = full(account, "without passwords");
    (without.proxy, without.s3) = (Some(proxy(None)), Some(s3(None)));
    without.standing = Standing::Banned { until: None };
    let mut problem = build::instance(account, "with a problem");
    problem.proxy_problem = Some("must be `http`, `https` or `socks5`".to_owned());
    for instance in [bare, full(account, "full"), without, problem] {
        stores.instances.insert(&instance, None).await.unwrap();
        let found = stores.instances.find(account, &instance.name).await.unwrap();
        assert_eq!(found.as_ref(), Some(&instance));
        assert_eq!(stores.instances.find_by_id(instance.id).await.unwrap(), Some(instance));
    }
}

/// Not finding an instance is an answer; one of another account is not found.
pub async fn an_instance_nobody_made_is_not_found(stores: &Stores) {
    let instance = stores.with_instance("sales").await;
    let other = stores.with_account("other").await;
    assert_eq!(stores.instances.find(other, &instance.name).await.unwrap(), None);
    let name = InstanceName::parse("Sales").unwrap();
    assert_eq!(stores.instances.find(instance.account, &name).await.unwrap(), None);
    assert_eq!(stores.instances.find_by_id(InstanceId(build::uuid())).await.unwrap(), None);
}

/// In one step.
pub async fn an_instance_is_inserted_with_its_first_webhook(stores: &Stores) {
    let account = stores.with_account("acme").await;
    let (instance, webhook) = (build::instance(account, "sales"), build::webhook("crm"));
    stores.instances.insert(&instance, Some(&webhook)).await.unwrap();
    assert_eq!(stores.webhooks.list(instance.id).await.unwrap(), [webhook]);
}

/// The first instance stays; neither webhook nor token of the second is there.
pub async fn a_taken_name_is_refused_and_nothing_written(stores: &Stores) {
    let first = stores.with_instance("sales").await;
    let (second, webhook) = (build::instance(first.account, "sales"), build::webhook("crm"));
    let refusal = stores.instances.insert(&second, Some(&webhook)).await.unwrap_err();
    assert!(matches!(refusal, Error::AlreadyExists(Resource::Instance)), "{refusal:?}");
    assert_eq!(stores.instances.list(first.account).await.unwrap(), [first]);
    assert_eq!(stores.webhooks.find_by_id(webhook.id).await.unwrap(), None);
    assert_eq!(stores.accounts.identify(&second.token).await.unwrap(), None);
}

/// Names are unique within their account only.
pub async fn a_name_may_be_used_again_in_another_account(stores: &Stores) {
    let first = stores.with_instance("sales").await;
    let other = stores.with_account("other").await;
    let second = build::instance(other, "sales");
    stores.instances.insert(&second, None).await.unwrap();
    assert_eq!(stores.instances.find(other, &first.name).await.unwrap(), Some(second));
}

/// Whether an instance or an account has it.
pub async fn a_taken_instance_token_is_refused_and_nothing_written(stores: &Stores) {
    let (account, account_token) = (build::account("acme"), build::token());
    stores.accounts.insert(&account, &account_token).await.unwrap();
    let first = stores.with_instance("sales").await;
    for taken in [account_token, first.token] {
        let mut second = build::instance(account.id, "second");
        second.token = taken;
        let webhook = build::webhook("crm");
        let refusal = stores.instances.insert(&second, Some(&webhook)).await.unwrap_err();
        assert!(matches!(refusal, Error::AlreadyExists(Resource::Instance)), "{refusal:?}");
        assert_eq!(stores.instances.list(account.id).await.unwrap(), []);
        assert_eq!(stores.webhooks.find_by_id(webhook.id).await.unwrap(), None);
    }
}

/// The account may have gone a moment ago.
pub async fn an_instance_of_no_account_is_refused(stores: &Stores) {
    let instance = build::instance(AccountId(build::uuid()), "sales");
    let refusal = stores.instances.insert(&instance, None).await.unwrap_err();
    assert!(matches!(refusal, Error::NotFound(Resource::Account)), "{refusal:?}");
    assert_eq!(stores.instances.find_by_id(instance.id).await.unwrap(), None);
    assert_eq!(stores.accounts.identify(&instance.token).await.unwrap(), None);
}

/// The check of the name and the write are one step.
pub async fn of_concurrent_inserts_of_one_name_one_wins(stores: &Stores) {
    let account = stores.with_account("acme").await;
    let outcomes = at_once(8, |_| {
        let instances = stores.instances.clone();
        async move { instances.insert(&build::instance(account, "sales"), None).await }
    })
    .await;
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    for refusal in lost {
        assert!(matches!(refusal, Err(Error::AlreadyExists(Resource::Instance))), "{refusal:?}");
    }
    assert_eq!(stores.instances.list(account).await.unwrap().len(), 1);
}

/// The check of the token and the write are one step, also across accounts.
pub async fn of_concurrent_inserts_with_one_token_one_wins(stores: &Stores) {
    let accounts = [stores.with_account("one").await, stores.with_account("two").await];
    let token = build::token();
    let outcomes = at_once(8, |index| {
        let mut instance = build::instance(accounts[index % 2], &format!("n{index}"));
        instance.token = token.clone();
        let instances = stores.instances.clone();
        async move { instances.insert(&instance, None).await }
    })
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert_eq!(stores.instances.standings().await.unwrap().len(), 1);
}

/// A quota of none is none at all; nothing is written beyond it.
pub async fn an_account_owns_no_more_than_its_quota(stores: &Stores) {
    let account = stores.with_account("acme").await;
    let other = stores.with_instance("not-counted").await;
    for quota in 0..3 {
        stores.accounts.set_quota(account, Some(quota)).await.unwrap();
        let (beyond, webhook) = (build::instance(account, "beyond"), build::webhook("crm"));
        let refusal = stores.instances.insert(&beyond, Some(&webhook)).await.unwrap_err();
        assert!(matches!(refusal, Error::QuotaExceeded), "{refusal:?}");
        assert_eq!(stores.webhooks.find_by_id(webhook.id).await.unwrap(), None);
        assert_eq!(stores.accounts.identify(&beyond.token).await.unwrap(), None);

        stores.accounts.set_quota(account, Some(quota + 1)).await.unwrap();
        let within = build::instance(account, &format!("within-{quota}"));
        stores.instances.insert(&within, None).await.unwrap();
    }
    assert_eq!(stores.instances.list(account).await.unwrap().len(), 3);
    assert_eq!(stores.instances.list(other.account).await.unwrap().len(), 1);
}

/// The check of the quota and the write are one step.
pub async fn concurrent_inserts_do_not_exceed_the_quota(stores: &Stores) {
    let account = stores.with_account("acme").await;
    stores.accounts.set_quota(account, Some(3)).await.unwrap();
    let outcomes = at_once(10, |index| {
        let instances = stores.instances.clone();
        let instance = build::instance(account, &format!("n{index}"));
        async move { instances.insert(&instance, None).await }
    })
    .await;
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 3);
    for refusal in lost {
        assert!(matches!(refusal, Err(Error::QuotaExceeded)), "{refusal:?}");
    }
    assert_eq!(stores.instances.list(account).await.unwrap().len(), 3);
}

/// What is gone does not count.
pub async fn a_removed_instance_makes_room_in_the_quota(stores: &Stores) {
    let first = stores.with_instance("first").await;
    stores.accounts.set_quota(first.account, Some(1)).await.unwrap();
    assert!(stores.instances.remove(first.id).await.unwrap());
    stores.instances.insert(&build::instance(first.account, "second"), None).await.unwrap();
}

/// Of this account alone.
pub async fn instances_are_listed_oldest_first(stores: &Stores) {
    let account = stores.with_account("acme").await;
    stores.with_instance("of-somebody-else").await;
    let mut expected = Vec::new();
    for (name, created_at) in [("b", 20), ("c", 10), ("a", 30)] {
        let mut instance = full(account, name);
        instance.created_at = build::moment(created_at);
        stores.instances.insert(&instance, None).await.unwrap();
        expected.push(instance);
    }
    expected.sort_by_key(|instance| instance.created_at);
    assert_eq!(stores.instances.list(account).await.unwrap(), expected);
    assert_eq!(stores.instances.list(AccountId(build::uuid())).await.unwrap(), []);
}

/// Each standing comes back as it was.
pub async fn standings_are_those_of_all_accounts(stores: &Stores) {
    let expected = [
        Standing::Unpaired,
        Standing::Paired,
        Standing::LoggedOut,
        Standing::Banned { until: None },
        Standing::Banned { until: Some(build::moment(60)) },
    ];
    let mut ids = Vec::new();
    for (index, standing) in expected.iter().enumerate() {
        let account = stores.with_account(&format!("a{index}")).await;
        let mut instance = build::instance(account, "sales");
        instance.standing = standing.clone();
        stores.instances.insert(&instance, None).await.unwrap();
        ids.push(instance.id);
    }
    let mut told = stores.instances.standings().await.unwrap();
    told.sort_by_key(|(id, _)| *id);
    assert_eq!(told, ids.into_iter().zip(expected).collect::<Vec<_>>());
}

/// The other parts stay as they are, in both directions.
pub async fn each_part_is_changed_alone(stores: &Stores) {
    let account = stores.with_account("acme").await;
    let mut expected = build::instance(account, "sales");
    stores.instances.insert(&expected, None).await.unwrap();
    let there = full(account, "there");
    let mut second = 10;
    for other in [&there, &build::instance(account, "back")] {
        let changes = [
            InstanceChange::Standing(other.standing.clone()),
            InstanceChange::Profile(other.profile.clone()),
            InstanceChange::Settings(other.settings.clone()),
            InstanceChange::Proxy(other.proxy.clone()),
            InstanceChange::WebSocket(other.websocket.clone().unwrap_or_default()),
            InstanceChange::S3(other.s3.clone()),
        ];
        for change in changes {
            second += 1;
            apply(&mut expected, &change);
            expected.updated_at = build::moment(second);
            let updated =
                stores.instances.update(expected.id, &[change], build::moment(second)).await;
            assert!(updated.unwrap());
            let found = stores.instances.find_by_id(expected.id).await.unwrap();
            assert_eq!(found.as_ref(), Some(&expected));
        }
    }
}

fn apply(instance: &mut Instance, change: &InstanceChange) {
    match change.clone() {
        InstanceChange::Standing(standing) => instance.standing = standing,
        InstanceChange::Profile(profile) => instance.profile = profile,
        InstanceChange::Settings(settings) => instance.settings = settings,
        InstanceChange::Proxy(proxy) => {
            (instance.proxy, instance.proxy_problem) = (proxy, None);
        }
        InstanceChange::WebSocket(websocket) => instance.websocket = Some(websocket),
        InstanceChange::S3(s3) => instance.s3 = s3,
    }
}

/// Of two changes of one part the later holds; another instance is left alone.
pub async fn several_changes_are_one_step(stores: &Stores) {
    let bystander = stores.with_instance("bystander").await;
    let mut expected = stores.with_instance("sales").await;
    let changes = [
        InstanceChange::Standing(Standing::LoggedOut),
        InstanceChange::Profile(profile()),
        InstanceChange::Standing(Standing::Paired),
    ];
    assert!(stores.instances.update(expected.id, &changes, build::moment(9)).await.unwrap());
    (expected.standing, expected.profile) = (Standing::Paired, profile());
    expected.updated_at = build::moment(9);
    let found = stores.instances.find_by_id(expected.id).await.unwrap();
    assert_eq!(found, Some(expected));
    let found = stores.instances.find_by_id(bystander.id).await.unwrap();
    assert_eq!(found, Some(bystander));
}

/// No other change clears it.
pub async fn a_proxy_problem_stays_until_the_proxy_is_set_or_removed(stores: &Stores) {
    let account = stores.with_account("acme").await;
    for (name, way_out) in [("set", Some(proxy(None))), ("removed", None)] {
        let mut expected = build::instance(account, name);
        expected.proxy_problem = Some("must be a number from 1 to 65535".to_owned());
        stores.instances.insert(&expected, None).await.unwrap();
        let others = [
            InstanceChange::Standing(Standing::Paired),
            InstanceChange::Profile(profile()),
            InstanceChange::Settings(settings()),
            InstanceChange::WebSocket(websocket()),
            InstanceChange::S3(None),
        ];
        assert!(stores.instances.update(expected.id, &others, build::moment(1)).await.unwrap());
        let found = stores.instances.find_by_id(expected.id).await.unwrap().unwrap();
        assert_eq!(found.proxy_problem, expected.proxy_problem);

        let change = [InstanceChange::Proxy(way_out.clone())];
        assert!(stores.instances.update(expected.id, &change, build::moment(2)).await.unwrap());
        let found = stores.instances.find_by_id(expected.id).await.unwrap().unwrap();
        assert_eq!((found.proxy, found.proxy_problem), (way_out, None));
    }
}

/// It says that there is no such instance.
pub async fn an_update_of_nothing_says_so(stores: &Stores) {
    let changes = [InstanceChange::Standing(Standing::Paired)];
    let nobody = InstanceId(build::uuid());
    assert!(!stores.instances.update(nobody, &changes, build::moment(1)).await.unwrap());
}

/// Webhooks, messages, events, deliveries and token.
pub async fn a_removed_instance_is_gone_with_all_that_was_its_own(stores: &Stores) {
    let instance = stores.with_instance("sales").await;
    let webhook = stores.with_webhook(instance.id, "crm").await;
    let message = build::incoming(&build::phone("5511999990001"), "hi");
    let event = build::message_event(message.clone());
    stores.append_one(instance.id, event.clone()).await;
    let mut draft = build::draft(build::outgoing(&build::phone("5511999990001"), "hi"));
    draft.idempotency = Some(("key".to_owned(), [1; 32]));
    stores.messages.reserve(instance.id, &draft, build::moment(0)).await.unwrap();

    assert!(stores.instances.remove(instance.id).await.unwrap());
    assert_eq!(stores.instances.find_by_id(instance.id).await.unwrap(), None);
    assert_eq!(stores.webhooks.find_by_id(webhook.id).await.unwrap(), None);
    for id in [&message.id, &draft.message.id] {
        assert_eq!(stores.messages.find(instance.id, id).await.unwrap(), None);
    }
    assert_eq!(stores.all_due().await, []);
    assert_eq!(stores.accounts.identify(&instance.token).await.unwrap(), None);
    let refusal = stores.events.append(instance.id, &[event]).await.unwrap_err();
    assert!(matches!(refusal, Error::NotFound(Resource::Instance)), "{refusal:?}");
}

/// Also when they have messages of the same id.
pub async fn a_removal_of_one_leaves_the_others_alone(stores: &Stores) {
    let (gone, stays) = (stores.with_instance("gone").await, stores.with_instance("stays").await);
    let message = build::incoming(&build::phone("5511999990001"), "hi");
    for instance in [&gone, &stays] {
        stores.with_webhook(instance.id, "crm").await;
        stores.append_one(instance.id, build::message_event(message.clone())).await;
    }
    assert!(stores.instances.remove(gone.id).await.unwrap());
    assert_eq!(stores.instances.find_by_id(stays.id).await.unwrap(), Some(stays.clone()));
    assert_eq!(stores.webhooks.list(stays.id).await.unwrap().len(), 1);
    assert_eq!(stores.message(stays.id, &message.id).await.message, message);
    let deliveries = stores.all_due().await;
    assert_eq!(deliveries.iter().map(|one| one.event.instance).collect::<Vec<_>>(), [stays.id]);
}

/// Both may be used again.
pub async fn a_removed_instance_frees_its_name_and_token(stores: &Stores) {
    let first = stores.with_instance("sales").await;
    assert!(stores.instances.remove(first.id).await.unwrap());
    let mut second = build::instance(first.account, "sales");
    second.token = first.token;
    stores.instances.insert(&second, None).await.unwrap();
    assert_eq!(stores.instances.list(first.account).await.unwrap(), [second]);
}

/// So that it is harmless.
pub async fn a_repeated_removal_says_so(stores: &Stores) {
    let instance = stores.with_instance("sales").await;
    assert!(stores.instances.remove(instance.id).await.unwrap());
    assert!(!stores.instances.remove(instance.id).await.unwrap());
}
