//! The state of an instance's link with WhatsApp.

use crate::{Timestamp, address::Jid, pairing::QrCode};

/// The state callers are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionState {
    /// No connection, and none being made.
    Disconnected,
    /// A connection or a pairing is under way, or waits for its next attempt.
    Connecting,
    /// The socket is authenticated and alive.
    Connected,
    /// The device was unlinked; only a new pairing helps.
    LoggedOut,
    /// WhatsApp has banned the account, for a while or for good.
    Banned,
}

impl ConnectionState {
    /// Every state.
    pub const ALL: [Self; 5] =
        [Self::Disconnected, Self::Connecting, Self::Connected, Self::LoggedOut, Self::Banned];

    /// The contract's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::LoggedOut => "loggedout",
            Self::Banned => "banned",
        }
    }
}

/// What a restart has to know of an instance's link: everything else is found out by connecting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Never paired.
    #[default]
    Unpaired,
    /// Paired: there are keys to connect with.
    Paired,
    /// Unlinked: the keys are worthless.
    LoggedOut,
    /// Refused by WhatsApp, with the keys kept.
    Banned {
        /// When a temporary ban ends; `None` is for good.
        until: Option<Timestamp>,
    },
}

impl Standing {
    /// What callers are shown while no session runs.
    #[must_use]
    pub fn state_at_rest(&self) -> ConnectionState {
        match self {
            Self::Unpaired | Self::Paired => ConnectionState::Disconnected,
            Self::LoggedOut => ConnectionState::LoggedOut,
            Self::Banned { .. } => ConnectionState::Banned,
        }
    }
}

/// A change of the link, as it is told to the instance's sinks (`instance.state`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateChange {
    /// Authenticated and ready.
    Connected {
        /// The phone JID of the account.
        jid: Jid,
        /// Its LID.
        lid: Option<Jid>,
    },
    /// The connection ended and a new one will be tried, unless it was asked for.
    Disconnected {
        /// Why, in words.
        reason: String,
    },
    /// The device was unlinked, here or on the phone.
    LoggedOut {
        /// Why, in words.
        reason: String,
    },
    /// Another connection took over with the same keys.
    StreamReplaced,
    /// WhatsApp has banned the account for a while.
    TempBanned {
        /// WhatsApp's code.
        code: u16,
        /// When it ends.
        until: Timestamp,
    },
    /// WhatsApp refuses this version of the protocol.
    ClientOutdated,
    /// WhatsApp refused the login.
    ConnectFailure {
        /// WhatsApp's code, such as 403.
        code: u16,
        /// WhatsApp's words, when it gave any.
        reason: String,
    },
    /// WhatsApp ended the stream with an error.
    StreamError {
        /// WhatsApp's code.
        code: String,
    },
    /// The server answered 413 or 414: the client authentication token could not be refreshed.
    CatRefreshError {
        /// WhatsApp's code.
        code: u16,
    },
    /// There is a code to scan.
    QrReady {
        /// The codes that can be scanned now, the current one first.
        codes: Vec<QrCode>,
    },
    /// The phone has accepted the device.
    PairSuccess {
        /// The phone JID of the account.
        jid: Jid,
        /// Its LID.
        lid: Option<Jid>,
        /// What the phone says it is, such as `android`.
        platform: String,
        /// The verified business name, when it is a business.
        business_name: Option<String>,
    },
    /// The pairing failed.
    PairError {
        /// Why, in words.
        reason: String,
    },
    /// The phone scanned the code but cannot link devices.
    QrScannedWithoutMultidevice,
    /// The server has stopped answering on a connection that is still open.
    KeepaliveTimeout,
    /// The server answers again.
    KeepaliveRestored,
    /// Somebody asked for a reconnect.
    ManualReconnect,
}

impl StateChange {
    /// The contract's spelling (`instance.state`'s own, not the REST states').
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Connected { .. } => "connected",
            Self::Disconnected { .. } => "disconnected",
            Self::LoggedOut { .. } => "logged_out",
            Self::StreamReplaced => "stream_replaced",
            Self::TempBanned { .. } => "temp_banned",
            Self::ClientOutdated => "client_outdated",
            Self::ConnectFailure { .. } => "connect_failure",
            Self::StreamError { .. } => "stream_error",
            Self::CatRefreshError { .. } => "cat_refresh_error",
            Self::QrReady { .. } => "qr_ready",
            Self::PairSuccess { .. } => "pair_success",
            Self::PairError { .. } => "pair_error",
            Self::QrScannedWithoutMultidevice => "qr_scanned_no_multidevice",
            Self::KeepaliveTimeout => "keepalive_timeout",
            Self::KeepaliveRestored => "keepalive_restored",
            Self::ManualReconnect => "manual_reconnect",
        }
    }
}
