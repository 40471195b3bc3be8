//! What a [`MediaJobs`](wharf_domain::ports::MediaJobs) promises to instances beside one with a backlog.

use wharf_domain::event::NewEvent;

use super::{
    media_jobs::{append, failed, held, jobs, picture, retry, settle, stored, with_bucket},
    setting::at_once,
};
use crate::{Stores, build};

/// Makes a test of each thing a `MediaJobs` promises about shares.
#[macro_export]
macro_rules! media_shares_contract {
    ($stores:expr $(, #[$attribute:meta])*) => {
        $crate::contract!(media_shares, $stores, [$($attribute),*], [
            an_instance_with_its_share_leaves_the_rest_to_others,
            what_an_instance_has_no_room_for_is_not_next,
            concurrent_claims_give_an_instance_its_share_once,
        ]);
    };
}

/// However long its backlog is, whoever comes after it waits for none of it; what is done makes room for more.
pub async fn an_instance_with_its_share_leaves_the_rest_to_others(stores: &Stores) {
    let (busy, other) = (with_bucket(stores, "busy").await, with_bucket(stores, "other").await);
    let backlog: Vec<_> = (0..12).map(|index| held(picture(index % 8))).collect();
    let backlog = append(stores, busy, &backlog).await;
    let at = |seconds| NewEvent { recorded_at: build::moment(seconds), ..held(picture(1)) };
    let others = append(stores, other, &[at(1), at(2), at(3)]).await;
    let claim = async |limit, share| {
        jobs(&stores.media_jobs.claim(build::moment(5), limit, share).await.unwrap())
    };
    assert_eq!(claim(8, 0).await, []);
    assert_eq!(claim(3, 2).await, [backlog[0], backlog[1], others[0]]);
    assert_eq!(claim(8, 2).await, others[1..2]);
    assert_eq!(claim(8, 2).await, []);
    settle(stores, backlog[0], &stored("a"), 5).await;
    settle(stores, others[0], &retry(60), 5).await;
    assert_eq!(claim(8, 2).await, [backlog[2], others[2]]);
    assert_eq!(stores.media_jobs.release_all().await.unwrap(), 4);
    assert_eq!(claim(8, 3).await, [&backlog[1..4], &others[1..]].concat());
}

/// Else whoever waits for it would look again and again.
pub async fn what_an_instance_has_no_room_for_is_not_next(stores: &Stores) {
    let (busy, other) = (with_bucket(stores, "busy").await, with_bucket(stores, "other").await);
    let made = append(stores, busy, &[1, 2].map(|n| held(picture(n)))).await;
    let at = |seconds| NewEvent { recorded_at: build::moment(seconds), ..held(picture(1)) };
    append(stores, other, &[at(20)]).await;
    let next = async |share| stores.media_jobs.next_due(share).await.unwrap();
    assert_eq!((next(0).await, next(1).await), (None, Some(build::moment(0))));
    assert_eq!(stores.media_jobs.claim(build::moment(5), 8, 1).await.unwrap().len(), 1);
    assert_eq!(next(1).await, Some(build::moment(20)));
    assert_eq!(next(2).await, Some(build::moment(0)));
    settle(stores, made[0], &failed(), 5).await;
    assert_eq!(next(1).await, Some(build::moment(0)));
}

/// However many ask.
pub async fn concurrent_claims_give_an_instance_its_share_once(stores: &Stores) {
    let instance = with_bucket(stores, "sales").await;
    let new: Vec<_> = (0..24).map(|index| held(picture(index % 8))).collect();
    append(stores, instance, &new).await;
    let claimed = at_once(6, |_| {
        let media_jobs = stores.media_jobs.clone();
        async move { media_jobs.claim(build::moment(0), 5, 3).await.unwrap().len() }
    });
    assert_eq!(claimed.await.into_iter().sum::<usize>(), 3);
}
