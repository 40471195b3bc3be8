//! The database with everything on it: schema, keyring, stores.

use std::{collections::HashSet, future::pending, path::Path, sync::Arc};

use anyhow::{Context, Result, bail};
use wharf_domain::{
    account::AccountName,
    instance::InstanceId,
    ports::{
        AccountStore, DeliveryLedger, DeliveryQueue, EventLog, HealthCheck, InstanceStore,
        MediaJobs, MessageStore, Meter, PageAccess, WebhookStore,
    },
};
use wharf_migrations::Migrator;
use wharf_seal::Keyring;
use wharf_sql::{DataDirLock, Database, ServerLock};
use wharf_storage::{
    DatabaseHealth, KeyringError, Keyrings, SeaOrmAccountStore, SeaOrmDeliveryLedger,
    SeaOrmDeliveryQueue, SeaOrmEventLog, SeaOrmInstanceStore, SeaOrmMediaJobs, SeaOrmMessageStore,
    SeaOrmPageAccess, SeaOrmWebhookStore,
};
use wharf_whatsapp_store::StoreFactory;

use crate::{Config, master_key};

/// How a database is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// By the one process that may serve from it.
    Alone,
    /// By a command that may run beside that process.
    Beside,
}

/// A database that is ready to be worked with.
pub(crate) struct OpenDatabase {
    pub(crate) sql: Database,
    pub(crate) stores: Stores,
    /// The one factory of session stores: what it says of stores still in use holds among its clones only.
    pub(crate) sessions: StoreFactory,
    /// Let go of when the process is done with the database.
    locks: Option<Locks>,
}

/// What keeps other servers away: of the same files, and of the same PostgreSQL schema, whatever machine they are on.
pub(crate) struct Locks {
    server: ServerLock,
    _data_dir: DataDirLock,
}

impl Locks {
    async fn acquire(config: &Config, settings: &wharf_sql::Config) -> Result<Self> {
        let data_dir = DataDirLock::acquire(&config.data_dir)?;
        let server = ServerLock::acquire(settings).await.context("cannot lock the database")?;
        Ok(Self { server, _data_dir: data_dir })
    }

    /// Returns once another server has taken the database over.
    pub(crate) async fn lost(&mut self) {
        self.server.lost().await;
    }
}

/// A database of which nothing sealed has been opened, and that nobody serves.
pub(crate) struct Locked {
    pub(crate) sql: Database,
    pub(crate) locks: Locks,
}

/// Opens the configured database for this process alone and brings its schema up to date, without a key.
pub(crate) async fn lock(config: &Config) -> Result<Locked> {
    make_private_dir(&config.data_dir)?;
    let settings = wharf_sql::Config::new(config.database_url.expose());
    let locks = Locks::acquire(config, &settings).await?;
    Ok(Locked { sql: migrated(&settings).await?, locks })
}

async fn migrated(settings: &wharf_sql::Config) -> Result<Database> {
    let sql = Database::open(settings).await.context("cannot open the database")?;
    sql.migrate::<Migrator>().await.context("cannot bring the schema up to date")?;
    Ok(sql)
}

/// The storage ports.
pub(crate) struct Stores {
    pub(crate) accounts: Arc<dyn AccountStore>,
    pub(crate) instances: Arc<dyn InstanceStore>,
    pub(crate) webhooks: Arc<dyn WebhookStore>,
    pub(crate) messages: Arc<dyn MessageStore>,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) queue: Arc<dyn DeliveryQueue>,
    pub(crate) ledger: Arc<dyn DeliveryLedger>,
    pub(crate) media_jobs: Arc<dyn MediaJobs>,
    pub(crate) pages: Arc<dyn PageAccess>,
    pub(crate) health: Arc<dyn HealthCheck>,
}

/// Opens the configured database: makes it where there is none, brings its schema up to date, refuses a schema newer
/// than this program, and refuses a master key that is not its own.
pub(crate) async fn open(
    config: &Config,
    access: Access,
    meter: Arc<dyn Meter>,
) -> Result<OpenDatabase> {
    make_private_dir(&config.data_dir)?;
    let mut settings = wharf_sql::Config::new(config.database_url.expose());
    settings.write_observer = Some(Arc::new(move |write| {
        meter.store_written(write.elapsed, !write.failed);
    }));
    let locks = match access {
        Access::Alone => Some(Locks::acquire(config, &settings).await?),
        // A server that is running has migrated already, and then there is nothing left to do.
        Access::Beside => None,
    };
    let sql = migrated(&settings).await?;
    let keyring = keyring(&sql, config).await?;
    let stores = Stores {
        accounts: Arc::new(SeaOrmAccountStore::new(sql.clone(), keyring.clone())),
        instances: Arc::new(SeaOrmInstanceStore::new(sql.clone(), keyring.clone())),
        webhooks: Arc::new(SeaOrmWebhookStore::new(sql.clone(), keyring.clone())),
        messages: Arc::new(SeaOrmMessageStore::new(sql.clone(), keyring.clone())),
        log: Arc::new(SeaOrmEventLog::new(sql.clone(), keyring.clone())),
        queue: Arc::new(SeaOrmDeliveryQueue::new(sql.clone(), keyring.clone())),
        ledger: Arc::new(SeaOrmDeliveryLedger::new(sql.clone(), keyring.clone())),
        media_jobs: Arc::new(SeaOrmMediaJobs::new(sql.clone(), keyring.clone())),
        pages: Arc::new(SeaOrmPageAccess::new(sql.clone(), keyring.clone())),
        health: Arc::new(DatabaseHealth::new(sql.clone())),
    };
    let sessions = StoreFactory::new(sql.clone(), keyring);
    Ok(OpenDatabase { sql, stores, sessions, locks })
}

impl OpenDatabase {
    /// The instances an account owns; none when there is no such account.
    pub(crate) async fn instances_of(&self, name: &AccountName) -> Result<Vec<InstanceId>> {
        let Some(account) = self.stores.accounts.find(name).await? else { return Ok(Vec::new()) };
        let owned = self.stores.instances.list(account.id).await?;
        Ok(owned.into_iter().map(|instance| instance.id).collect())
    }

    /// Removes the keys of instances that are no more: no constraint of the database ties them to their instance.
    pub(crate) async fn forget_sessions(&self, instances: &[InstanceId]) -> Result<()> {
        for instance in instances {
            self.sessions.wipe(instance.0).await?;
        }
        Ok(())
    }

    /// Removes the keys that a crash, or a command beside the server, left behind when an instance was removed. Not to be
    /// called once instances can be made.
    pub(crate) async fn forget_orphans(&self) -> Result<()> {
        let stored = self.sessions.instances().await?;
        let standings = self.stores.instances.standings().await?;
        let known: HashSet<_> = standings.into_iter().map(|(instance, _)| instance).collect();
        let stored = stored.into_iter().map(InstanceId);
        let orphans: Vec<_> = stored.filter(|instance| !known.contains(instance)).collect();
        if !orphans.is_empty() {
            tracing::info!(
                count = orphans.len(),
                "removing the keys of instances that are no more"
            );
        }
        self.forget_sessions(&orphans).await
    }

    /// Returns once another server has taken the database over.
    pub(crate) async fn lost(&mut self) {
        match &mut self.locks {
            Some(locks) => locks.lost().await,
            None => pending().await,
        }
    }

    /// Ends all work on it, in order.
    pub(crate) async fn close(&self) -> Result<()> {
        let written = self.sessions.write_out().await;
        self.sql.close().await?;
        Ok(written?)
    }
}

async fn keyring(sql: &Database, config: &Config) -> Result<Arc<Keyring>> {
    let in_file;
    let (key, made) = if let Some(given) = &config.encryption_key {
        (given, false)
    } else {
        in_file = master_key::find_or_make_in(&config.data_dir)?;
        (&in_file.0, in_file.1)
    };
    match Keyrings::open_or_create(sql, key, master_key::random()).await {
        Ok(keyring) => Ok(keyring),
        Err(KeyringError::WrongMasterKey) if made => {
            // Left there, it would pass for the real one at the next start.
            master_key::unmake(&config.data_dir)?;
            bail!(
                "the database was set up with a master key, but there is no {} in {} and \
                 WHARF_ENCRYPTION_KEY is not set",
                master_key::FILE_NAME,
                config.data_dir.display()
            )
        }
        Err(e) => Err(e).context("cannot open the keyring"),
    }
}

/// Makes a directory that nobody else can look into; leaves one that is there as it is.
fn make_private_dir(dir: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).with_context(|| format!("cannot make {}", dir.display()))
}
