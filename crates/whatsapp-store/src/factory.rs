use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures::stream::{self, StreamExt as _};
use sea_orm::{ConnectionTrait as _, QueryResult, Statement};
use uuid::Uuid;
use wharf_seal::Keyring;
use wharf_sql::{Database, Together};

use crate::SqlBackend;
use crate::backend::{write, write_pending};
use crate::carrier::Carrier;
use crate::error::{Error, Result};
use crate::known_addresses::KnownAddresses;
use crate::pending::Pending;
use crate::statement::{over_list, values};
use crate::writes::Writes;

const TABLES: [&str; 18] = [
    "wa_device",
    "wa_identity",
    "wa_session",
    "wa_prekey",
    "wa_signed_prekey",
    "wa_sender_key",
    "wa_sync_key",
    "wa_sync_version",
    "wa_mutation_mac",
    "wa_sender_key_device",
    "wa_lid_mapping",
    "wa_base_key",
    "wa_device_list",
    "wa_group_metadata",
    "wa_tc_token",
    "wa_sent_message",
    "wa_pending_inbound",
    "wa_msg_secret",
];

/// Instances of which what is left is written at once.
const AT_ONCE: usize = 16;

/// Opens the stores of instances, all in one database; clones share it.
#[derive(Clone)]
pub struct StoreFactory {
    pub(crate) db: Database,
    pub(crate) keyring: Arc<Keyring>,
    carriers: Together<Carrier>,
    writes_through: bool,
    opened: Arc<Mutex<HashMap<Uuid, Opened>>>,
}

/// The last opened backend of an instance, as long as anything of it is left.
struct Opened {
    writes: Weak<Writes>,
    /// Outlives the backend: what a session leaves behind is there when WhatsApp delivers it again.
    pending: Arc<Pending>,
}

impl Opened {
    fn is_left(&self) -> bool {
        self.writes.strong_count() > 0 || !self.pending.is_empty()
    }
}

impl StoreFactory {
    /// Over a database with the schema in place, with tasks on the current tokio runtime that end with the last clone.
    #[must_use]
    pub fn new(db: Database, keyring: Arc<Keyring>) -> Self {
        let carriers = Together::new(db.clone(), Carrier { keyring: keyring.clone() });
        Self { db, keyring, carriers, writes_through: false, opened: Arc::default() }
    }

    /// Has each message on the disk before the durability hook is asked to commit it, at the price of a write for each. For
    /// comparison: a hook that is durable does not need it.
    #[must_use]
    pub fn writing_through(self) -> Self {
        Self { writes_through: true, ..self }
    }

    /// The store of `instance`, once everything that the one this factory opened before has begun to
    /// write is settled; from then on that one refuses Signal writes.
    ///
    /// Knows of no other process's writes: a database has one server at a time.
    pub async fn open(&self, instance: Uuid) -> Result<SqlBackend, Error> {
        let pending = self.settle(instance).await;
        let writes = Arc::<Writes>::default();
        let mut all = self.opened();
        all.retain(|_, opened| opened.is_left());
        all.insert(instance, Opened { writes: Arc::downgrade(&writes), pending: pending.clone() });
        drop(all);
        let backend = SqlBackend {
            db: self.db.clone(),
            keyring: self.keyring.clone(),
            instance,
            writes,
            pending,
            carriers: self.carriers.clone(),
            writes_through: self.writes_through,
            addresses: KnownAddresses::default(),
            tc_tokens: Arc::default(),
        };
        Ok(backend)
    }

    /// Whether anything like a device is stored for `instance`, paired or not.
    pub async fn has_device(&self, instance: Uuid) -> Result<bool, Error> {
        Ok(self.device_row(instance).await?.is_some())
    }

    /// The JID, device number included, under which `instance` is paired, or `None` when it is not.
    pub async fn registered_jid(&self, instance: Uuid) -> Result<Option<String>, Error> {
        let Some(row) = self.device_row(instance).await? else { return Ok(None) };
        Ok(row.try_get("", "jid")?)
    }

    /// The phone numbers of LIDs, both without a server, as far as `instance` has learnt them.
    pub async fn phones(
        &self,
        instance: Uuid,
        lids: &[&str],
    ) -> Result<Vec<(String, String)>, Error> {
        let mut found = Vec::with_capacity(lids.len());
        let wanted = lids.iter().map(|lid| (*lid).into());
        let select = "SELECT lid, phone_number FROM wa_lid_mapping WHERE instance_id = $1 AND lid";
        for statement in over_list(self.db.backend(), select, &[instance.into()], wanted) {
            for row in self.db.reader().query_all_raw(statement).await? {
                found.push((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
            }
        }
        Ok(found)
    }

    /// The instances of which anything is stored, each once.
    pub async fn instances(&self) -> Result<Vec<Uuid>, Error> {
        let mut found = BTreeSet::new();
        for table in TABLES {
            // From one instance to the next by the primary key: an instance has thousands of rows.
            let sql = format!(
                "WITH RECURSIVE found (id) AS ( \
                 SELECT (SELECT instance_id FROM {table} ORDER BY instance_id LIMIT 1) \
                 UNION ALL \
                 SELECT (SELECT instance_id FROM {table} WHERE instance_id > found.id \
                 ORDER BY instance_id LIMIT 1) FROM found WHERE found.id IS NOT NULL \
                 ) SELECT id FROM found WHERE id IS NOT NULL"
            );
            let statement = Statement::from_string(self.db.backend(), sql);
            for row in self.db.reader().query_all_raw(statement).await? {
                found.insert(row.try_get::<Uuid>("", "id")?);
            }
        }
        Ok(found.into_iter().collect())
    }

    /// Removes all that is stored for `instance`: all of it or, on failure, none.
    ///
    /// No backend of the instance may be in use. Waits for what the last has begun to write.
    pub async fn wipe(&self, instance: Uuid) -> Result<(), Error> {
        let pending = self.settle(instance).await;
        let _turn = pending.turn().await;
        pending.close();
        self.opened().remove(&instance);
        let backend = self.db.backend();
        let statements = TABLES.map(|table| {
            let sql = format!("DELETE FROM {table} WHERE instance_id = $1");
            Statement::from_sql_and_values(backend, sql, values![instance])
        });
        write(&self.db, statements.into()).await.map(drop)
    }

    /// Writes whatever sessions have put down. To be called before the database is closed, when no session is left.
    ///
    /// What is wrong with one instance's keeps no other's from being written; a database that is away ends it. Answers the
    /// first error, and logs each.
    pub async fn write_out(&self) -> Result<(), Error> {
        let all: Vec<_> =
            self.opened().iter().map(|(id, opened)| (*id, opened.pending.clone())).collect();
        let writes = all.into_iter().map(|(instance, pending)| async move {
            let _turn = pending.turn().await;
            if pending.owed() == 0 {
                return (instance, Ok(()));
            }
            (instance, write_pending(&self.carriers, instance, &pending).await)
        });
        let mut writes = pin!(stream::iter(writes).buffered(AT_ONCE));
        let mut outcome = Ok(());
        while let Some((instance, written)) = writes.next().await {
            let Err(error) = written else { continue };
            tracing::warn!(%instance, %error, "what a session has put down is not written");
            let is_the_end = error.is_of_the_database();
            outcome = outcome.and(Err(error));
            if is_the_end {
                break;
            }
        }
        outcome
    }

    /// Ends the last opened backend of `instance` and gives what it left pending.
    async fn settle(&self, instance: Uuid) -> Arc<Pending> {
        let last =
            self.opened().get(&instance).map(|last| (last.writes.upgrade(), last.pending.clone()));
        let (writes, pending) = last.unwrap_or_default();
        if let Some(writes) = writes {
            writes.retire(&pending).await;
        }
        pending
    }

    fn opened(&self) -> MutexGuard<'_, HashMap<Uuid, Opened>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn device_row(&self, instance: Uuid) -> Result<Option<QueryResult>> {
        let statement = Statement::from_sql_and_values(
            self.db.backend(),
            "SELECT jid FROM wa_device WHERE instance_id = $1",
            values![instance],
        );
        Ok(self.db.reader().query_one_raw(statement).await?)
    }
}

impl fmt::Debug for StoreFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreFactory(..)")
    }
}
