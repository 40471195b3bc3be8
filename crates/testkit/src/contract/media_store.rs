//! What a [`MediaStore`] promises.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use wharf_domain::{
    Error, Timestamp,
    media::{MediaBody, StoredObject},
    ports::MediaStore,
    s3::S3Config,
};

/// Makes a test of each thing a `MediaStore` promises, for what makes a fresh
/// [`Bucket`](crate::contract::media_store::Bucket).
#[macro_export]
macro_rules! media_store_contract {
    ($bucket:expr $(, #[$attribute:meta])*) => {
        $crate::contract!(media_store, $bucket, [$($attribute),*], [
            an_object_is_read_back_whole,
            an_object_nobody_put_is_not_found,
            a_second_put_replaces_the_first,
            keys_may_have_spaces_and_any_letters,
            an_object_larger_than_the_limit_is_refused,
            a_body_that_fails_leaves_what_was_there,
            a_body_shorter_than_announced_makes_no_object,
            a_large_body_goes_through_in_pieces,
            objects_can_be_put_at_once,
            a_url_belongs_to_its_object_and_asks_nobody,
            nothing_is_signed_for_what_was_put_elsewhere,
        ]);
    };
}

/// An empty bucket and the store it is reached by.
pub struct Bucket {
    /// The store.
    pub store: Arc<dyn MediaStore>,
    /// The bucket, which exists.
    pub config: S3Config,
}

impl Bucket {
    async fn put(&self, key: &str, content: &'static [u8]) {
        let body = MediaBody::of(Bytes::from_static(content));
        self.store.put(&self.config, key, "image/jpeg", body).await.unwrap();
    }

    async fn get(&self, key: &str) -> Option<Bytes> {
        let body = self.store.get(&self.config, key, u64::MAX).await.unwrap()?;
        let size = body.size;
        let bytes = body.read().await.unwrap();
        assert_eq!(bytes.len() as u64, size, "{key}");
        Some(bytes)
    }

    fn object(&self, key: &str) -> StoredObject {
        let (endpoint, bucket) = (self.config.endpoint.clone(), self.config.bucket.clone());
        StoredObject { endpoint, bucket, key: key.to_owned() }
    }
}

/// Also when it is empty.
pub async fn an_object_is_read_back_whole(bucket: &Bucket) {
    bucket.put("wharf/sales/2026/01/A1-0a0b0c0d.jpg", b"a picture").await;
    bucket.put("empty", b"").await;
    let read = bucket.get("wharf/sales/2026/01/A1-0a0b0c0d.jpg").await;
    assert_eq!(read.as_deref(), Some(&b"a picture"[..]));
    assert_eq!(bucket.get("empty").await.as_deref(), Some(&b""[..]));
}

/// An answer, not an error.
pub async fn an_object_nobody_put_is_not_found(bucket: &Bucket) {
    bucket.put("there", b"x").await;
    assert_eq!(bucket.get("not/there").await, None);
}

/// Whole: nothing of a longer first one is left.
pub async fn a_second_put_replaces_the_first(bucket: &Bucket) {
    bucket.put("a", b"the first one").await;
    bucket.put("a", b"second").await;
    assert_eq!(bucket.get("a").await.as_deref(), Some(&b"second"[..]));
}

/// And what looks alike is not the same.
pub async fn keys_may_have_spaces_and_any_letters(bucket: &Bucket) {
    let keys: [(&str, &'static [u8]); 6] = [
        ("Café/über uns/1.jpg", b"1"),
        ("Café/über+uns/1.jpg", b"2"),
        ("Café/über%20uns/1.jpg", b"3"),
        ("本/写真 (1)=&'*,;:@$!~.jpg", b"4"),
        ("a?b#c", b"5"),
        ("a", b"6"),
    ];
    for (key, content) in keys {
        bucket.put(key, content).await;
    }
    for (key, content) in keys {
        assert_eq!(bucket.get(key).await.as_deref(), Some(content), "{key}");
    }
}

/// One of exactly that size is not.
pub async fn an_object_larger_than_the_limit_is_refused(bucket: &Bucket) {
    bucket.put("a", b"12345").await;
    let fitting = bucket.store.get(&bucket.config, "a", 5).await.unwrap();
    assert_eq!(fitting.unwrap().size, 5);
    let refusal = bucket.store.get(&bucket.config, "a", 4).await.unwrap_err();
    assert!(matches!(refusal, Error::Invalid { .. }), "{refusal:?}");
}

/// The failure of the body itself is what is told.
pub async fn a_body_that_fails_leaves_what_was_there(bucket: &Bucket) {
    bucket.put("old", b"old").await;
    for key in ["old", "new"] {
        let pieces = [Ok(Bytes::from_static(b"begins ")), Err(Error::NotConnected)];
        let body = MediaBody { size: 20, bytes: stream::iter(pieces).boxed() };
        let failure = bucket.store.put(&bucket.config, key, "image/jpeg", body).await;
        assert!(matches!(failure, Err(Error::NotConnected)), "{failure:?}");
    }
    assert_eq!(bucket.get("old").await.as_deref(), Some(&b"old"[..]));
    assert_eq!(bucket.get("new").await, None);
}

/// Nor does one that is longer.
pub async fn a_body_shorter_than_announced_makes_no_object(bucket: &Bucket) {
    for size in [4, 6] {
        let body = MediaBody { size, ..MediaBody::of(Bytes::from_static(b"12345")) };
        let failure = bucket.store.put(&bucket.config, "a", "image/jpeg", body).await;
        assert!(matches!(failure, Err(Error::Unavailable { .. })), "{failure:?}");
        assert_eq!(bucket.get("a").await, None);
    }
}

/// Twelve megabytes, of which nobody holds all.
pub async fn a_large_body_goes_through_in_pieces(bucket: &Bucket) {
    const PIECE: usize = 64 * 1024;
    const PIECES: u8 = 192;
    let pieces = (0..PIECES).map(|n| Ok(Bytes::from(vec![n; PIECE])));
    let size = u64::from(PIECES) * PIECE as u64;
    let body = MediaBody { size, bytes: stream::iter(pieces).boxed() };
    bucket.store.put(&bucket.config, "large", "video/mp4", body).await.unwrap();

    let read = bucket.get("large").await.unwrap();
    assert_eq!(read.len() as u64, size);
    for (n, piece) in (0..PIECES).zip(read.chunks(PIECE)) {
        assert!(piece.iter().all(|byte| *byte == n), "piece {n}");
    }
}

/// Each under its own key, however they interleave.
pub async fn objects_can_be_put_at_once(bucket: &Bucket) {
    let keys: Vec<String> = (0..8).map(|n| format!("at-once/{n}")).collect();
    let puts = keys.iter().map(|key| {
        let body = MediaBody::of(key.clone().into());
        bucket.store.put(&bucket.config, key, "text/plain", body)
    });
    futures::future::try_join_all(puts).await.unwrap();
    for key in &keys {
        assert_eq!(bucket.get(key).await.as_deref(), Some(key.as_bytes()));
    }
}

/// So it is the same before the object is there.
pub async fn a_url_belongs_to_its_object_and_asks_nobody(bucket: &Bucket) {
    let now = Timestamp::from_timestamp(1_767_268_800, 0).unwrap();
    let url = |key| bucket.store.url(&bucket.config, &bucket.object(key), now).unwrap();
    assert!(url("a/b.jpg").contains("/a/b.jpg"), "{}", url("a/b.jpg"));
    assert!(url("a b.jpg").contains("a%20b.jpg"), "{}", url("a b.jpg"));
    assert_ne!(url("a"), url("b"));
    let before = url("a");
    bucket.put("a", b"x").await;
    assert_eq!(url("a"), before);
    assert!(!url("a").contains(bucket.config.secret_key.expose()));
}

/// Neither for another bucket nor for another server, although the key is known here, too.
pub async fn nothing_is_signed_for_what_was_put_elsewhere(bucket: &Bucket) {
    let now = Timestamp::from_timestamp(1_767_268_800, 0).unwrap();
    bucket.put("a", b"x").await;
    let own = bucket.object("a");
    let other_bucket = StoredObject { bucket: "former".to_owned(), ..own.clone() };
    let endpoint = Some("https://former.example.com".to_owned());
    for elsewhere in [other_bucket, StoredObject { endpoint, ..own.clone() }] {
        let refusal = bucket.store.url(&bucket.config, &elsewhere, now);
        assert!(matches!(refusal, Err(Error::Invalid { .. })), "{refusal:?}");
    }
    assert!(bucket.store.url(&bucket.config, &own, now).is_ok());
}
