//! The newsletters there are, and what has been posted in them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use wacore_binary::{Jid, Server};

use super::journal::{Batch, Records, parse};
use crate::base64_bytes;
use crate::error::Result;

/// What the journal's records of newsletters begin with.
const RECORDS: &str = "newsletter/";
/// The first number the server gives to a post: clients take less for none (`WAWebMsgParser`).
const FIRST_POST: u64 = 100;

/// A newsletter, or channel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Newsletter {
    /// The user part of its JID.
    pub(crate) id: String,
    pub(crate) name: String,
    /// The number of who writes it.
    pub(crate) owner: String,
    /// The numbers of who follows it, without the owner's.
    pub(crate) subscribers: BTreeSet<String>,
    posts: Vec<Post>,
}

/// Something that was posted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Post {
    /// The author's id for it.
    pub(crate) id: String,
    /// The `type`: `text`, `media`, ….
    pub(crate) kind: String,
    /// When, in seconds.
    pub(crate) timestamp: u64,
    /// The message's protobuf; empty once it has been taken away.
    #[serde(with = "base64_bytes")]
    pub(crate) content: Vec<u8>,
    /// The emoji of each number that has reacted.
    pub(crate) reactions: BTreeMap<String, String>,
}

impl Newsletter {
    pub(crate) fn new(id: String, name: &str, owner: &str, followers: BTreeSet<String>) -> Self {
        let mut subscribers = followers;
        subscribers.remove(owner);
        let (name, owner) = (name.to_owned(), owner.to_owned());
        Self { id, name, owner, subscribers, posts: Vec::new() }
    }

    pub(crate) fn jid(&self) -> Jid {
        Jid::new(self.id.as_str(), Server::Newsletter)
    }

    /// The name of its record in the journal.
    pub(crate) fn record(&self) -> String {
        format!("{RECORDS}{}", self.id)
    }

    /// The numbers of who reads it, the owner's included.
    pub(crate) fn readers(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.owner).chain(&self.subscribers)
    }

    pub(crate) fn is_read_by(&self, number: &str) -> bool {
        self.owner == number || self.subscribers.contains(number)
    }

    /// Adds a post and gives the server's number for it.
    pub(crate) fn add(&mut self, post: Post) -> u64 {
        self.posts.push(post);
        FIRST_POST + self.posts.len() as u64 - 1
    }

    /// The post of this id, and the server's number for it.
    pub(crate) fn post(&mut self, id: &str) -> Option<(u64, &mut Post)> {
        let mut numbered = (FIRST_POST..).zip(&mut self.posts);
        numbered.find(|(_, post)| post.id == id)
    }

    /// The id of the post with this number of the server's.
    pub(crate) fn post_id(&self, server_id: u64) -> Option<&str> {
        let at = usize::try_from(server_id.checked_sub(FIRST_POST)?).ok()?;
        self.posts.get(at).map(|post| post.id.as_str())
    }

    /// The posts before a number of the server's, newest first.
    pub(crate) fn before(&self, server_id: u64) -> impl Iterator<Item = (u64, &Post)> {
        let numbered: Vec<_> = (FIRST_POST..).zip(&self.posts).collect();
        numbered.into_iter().rev().filter(move |(number, _)| *number < server_id)
    }
}

impl Post {
    /// How often each emoji has been put on it.
    pub(crate) fn counts(&self) -> BTreeMap<&str, u64> {
        let mut counts = BTreeMap::new();
        for emoji in self.reactions.values() {
            *counts.entry(emoji.as_str()).or_default() += 1;
        }
        counts
    }
}

/// All newsletters, by id.
#[derive(Default)]
pub(crate) struct Newsletters(RwLock<BTreeMap<String, Newsletter>>);

impl Newsletters {
    /// The newsletters of a journal.
    pub(crate) fn restore(records: &Records) -> Result<Self> {
        let mut newsletters = BTreeMap::new();
        for (key, json) in records.range(RECORDS.to_owned()..) {
            let Some(id) = key.strip_prefix(RECORDS) else { break };
            newsletters.insert(id.to_owned(), parse(key, json)?);
        }
        Ok(Self(RwLock::new(newsletters)))
    }

    pub(crate) fn add(&self, newsletter: Newsletter) {
        let mut newsletters = self.0.write().unwrap_or_else(PoisonError::into_inner);
        newsletters.insert(newsletter.id.clone(), newsletter);
    }

    /// Looks at the newsletter a JID names, or changes it. Neither takes an account's lock.
    pub(crate) fn with<T>(&self, jid: &Jid, act: impl FnOnce(&mut Newsletter) -> T) -> Option<T> {
        if jid.server != Server::Newsletter {
            return None;
        }
        let mut newsletters = self.0.write().unwrap_or_else(PoisonError::into_inner);
        newsletters.get_mut(jid.user.as_str()).map(act)
    }

    /// Writes a newsletter down, if `record` names one. Says whether it does.
    pub(crate) fn collect(&self, record: &str, batch: &mut Batch) -> bool {
        let Some(id) = record.strip_prefix(RECORDS) else { return false };
        if let Some(newsletter) = self.read().get(id) {
            batch.put(record, newsletter);
        }
        true
    }

    /// Writes all newsletters down.
    pub(crate) fn collect_all(&self, batch: &mut Batch) {
        for newsletter in self.read().values() {
            batch.put(&newsletter.record(), newsletter);
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, Newsletter>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}
