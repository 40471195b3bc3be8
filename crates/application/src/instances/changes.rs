//! Changes of how an instance is set up.

use wharf_domain::{
    Error, Resource, Result,
    instance::{Instance, InstanceId},
    ports::InstanceChange,
    proxy::ProxyConfig,
    s3::S3Config,
    settings::Settings,
    websocket::WebSocketConfig,
};

use super::InstanceService;

/// The longest text to write to a rejected caller, in characters.
const MAX_REJECT_MESSAGE: usize = 1000;

/// What is to be changed of the settings; what is not given stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsChange {
    /// Reject every incoming call.
    pub auto_reject_calls: Option<bool>,
    /// What to write to a rejected caller.
    pub call_reject_message: Option<String>,
    /// Keep messages of groups out of log and store.
    pub ignore_group_messages: Option<bool>,
    /// Stay visible as online.
    pub keep_online_status: Option<bool>,
    /// Send read receipts for what arrives.
    pub auto_read_messages: Option<bool>,
    /// Do not take in the history the phone offers.
    pub disable_history_sync: Option<bool>,
    /// Keep status broadcasts out of log and store.
    pub ignore_status: Option<bool>,
}

impl SettingsChange {
    fn check(&self) -> Result<()> {
        if *self == Self::default() {
            return Err(Error::invalid("settings", "at least one field is required"));
        }
        self.call_reject_message.as_deref().map_or(Ok(()), check_reject_message)
    }

    fn apply(self, settings: &mut Settings) {
        let old = std::mem::take(settings);
        *settings = Settings {
            auto_reject_calls: self.auto_reject_calls.unwrap_or(old.auto_reject_calls),
            call_reject_message: self.call_reject_message.unwrap_or(old.call_reject_message),
            ignore_group_messages: self.ignore_group_messages.unwrap_or(old.ignore_group_messages),
            keep_online_status: self.keep_online_status.unwrap_or(old.keep_online_status),
            auto_read_messages: self.auto_read_messages.unwrap_or(old.auto_read_messages),
            disable_history_sync: self.disable_history_sync.unwrap_or(old.disable_history_sync),
            ignore_status: self.ignore_status.unwrap_or(old.ignore_status),
        };
    }
}

/// Checks the text to write to a rejected caller.
pub fn check_reject_message(text: &str) -> Result<()> {
    if text.chars().count() > MAX_REJECT_MESSAGE {
        return Err(Error::invalid("callRejectMessage", "must have at most 1000 characters"));
    }
    // No phone shows it, and not every database can keep it.
    if text.contains('\0') {
        return Err(Error::invalid("callRejectMessage", "must not contain a NUL character"));
    }
    Ok(())
}

impl InstanceService {
    /// Changes some of the settings and gives all as they are then. A live session follows at once.
    ///
    /// Fails with `Invalid` when nothing is to be changed or a text is too long, with `NotFound` when the instance was
    /// deleted meanwhile.
    pub async fn update_settings(
        &self,
        instance: &Instance,
        change: SettingsChange,
    ) -> Result<Settings> {
        change.check()?;
        // A caller who goes away when it is stored must not keep the session from following it.
        let (this, id) = (self.clone(), instance.id);
        self.sessions.to_its_end(async move { this.take_over(id, change).await }).await
    }

    async fn take_over(&self, id: InstanceId, change: SettingsChange) -> Result<Settings> {
        // One after the other: of two changes of different fields both have to stay.
        let _turn = self.settings_turn.lock().await;
        let stored = self.instances.find_by_id(id).await?;
        let mut settings = stored.ok_or(Error::NotFound(Resource::Instance))?.settings;
        change.apply(&mut settings);
        self.change(id, InstanceChange::Settings(settings.clone())).await?;
        self.sessions.follow(id, settings.clone());
        Ok(settings)
    }

    /// Sets the way out, or removes it, and with it whatever was wrong with the one before. The next connection takes
    /// it.
    ///
    /// Fails with `NotFound` when the instance was deleted meanwhile.
    pub async fn update_proxy(
        &self,
        instance: &Instance,
        proxy: Option<ProxyConfig>,
    ) -> Result<()> {
        self.change(instance.id, InstanceChange::Proxy(proxy)).await
    }

    /// Sets where media goes, or removes it. It counts for what arrives from now on, and for what waits.
    ///
    /// Fails with `NotFound` when the instance was deleted meanwhile.
    pub async fn update_s3(&self, instance: &Instance, bucket: Option<S3Config>) -> Result<()> {
        self.change(instance.id, InstanceChange::S3(bucket)).await
    }

    /// Sets the WebSocket up anew.
    ///
    /// Fails with `NotFound` when the instance was deleted meanwhile.
    pub async fn update_websocket(
        &self,
        instance: &Instance,
        websocket: WebSocketConfig,
    ) -> Result<()> {
        self.change(instance.id, InstanceChange::WebSocket(websocket)).await
    }

    async fn change(&self, id: InstanceId, change: InstanceChange) -> Result<()> {
        let was = self.instances.update(id, &[change], self.clock.now()).await?;
        self.deliveries.instance();
        was.then_some(()).ok_or(Error::NotFound(Resource::Instance))
    }
}
