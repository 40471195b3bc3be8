//! How an instance behaves.

/// The behaviour of an instance. The default is a fresh instance's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "seven independent switches, named as the contract names them"
)]
pub struct Settings {
    /// Reject every incoming call.
    pub auto_reject_calls: bool,
    /// What to write to a rejected caller; nothing when empty.
    pub call_reject_message: String,
    /// Keep messages of groups out of log and store.
    pub ignore_group_messages: bool,
    /// Stay visible as online.
    pub keep_online_status: bool,
    /// Send read receipts for what arrives.
    pub auto_read_messages: bool,
    /// Do not take in the history the phone offers.
    pub disable_history_sync: bool,
    /// Keep status broadcasts out of log and store.
    pub ignore_status: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            auto_reject_calls: false,
            call_reject_message: String::new(),
            ignore_group_messages: false,
            keep_online_status: false,
            auto_read_messages: false,
            disable_history_sync: true,
            ignore_status: false,
        }
    }
}
