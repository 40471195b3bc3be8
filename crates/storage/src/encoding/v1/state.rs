use serde::{Deserialize, Serialize};
use wharf_domain::{Error, address::Jid, pairing::QrCode, state as domain};

use super::{address::optional, time};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::encoding) enum StateChange {
    Connected {
        jid: String,
        lid: Option<String>,
    },
    Disconnected {
        reason: String,
    },
    LoggedOut {
        reason: String,
    },
    StreamReplaced,
    TempBanned {
        code: u16,
        until: i64,
    },
    ClientOutdated,
    ConnectFailure {
        code: u16,
        reason: String,
    },
    StreamError {
        code: String,
    },
    CatRefreshError {
        code: u16,
    },
    QrReady {
        codes: Vec<String>,
    },
    PairSuccess {
        jid: String,
        lid: Option<String>,
        platform: String,
        business_name: Option<String>,
    },
    PairError {
        reason: String,
    },
    QrScannedWithoutMultidevice,
    KeepaliveTimeout,
    KeepaliveRestored,
    ManualReconnect,
}

impl From<&domain::StateChange> for StateChange {
    fn from(change: &domain::StateChange) -> Self {
        use domain::StateChange as D;
        let written = |lid: Option<Jid>| lid.map(|lid| lid.to_string());
        match change.clone() {
            D::Connected { jid, lid } => {
                Self::Connected { jid: jid.to_string(), lid: written(lid) }
            }
            D::Disconnected { reason } => Self::Disconnected { reason },
            D::LoggedOut { reason } => Self::LoggedOut { reason },
            D::StreamReplaced => Self::StreamReplaced,
            D::TempBanned { code, until } => {
                Self::TempBanned { code, until: until.timestamp_micros() }
            }
            D::ClientOutdated => Self::ClientOutdated,
            D::ConnectFailure { code, reason } => Self::ConnectFailure { code, reason },
            D::StreamError { code } => Self::StreamError { code },
            D::CatRefreshError { code } => Self::CatRefreshError { code },
            D::QrReady { codes } => {
                Self::QrReady { codes: codes.iter().map(|code| code.as_str().to_owned()).collect() }
            }
            D::PairSuccess { jid, lid, platform, business_name } => Self::PairSuccess {
                jid: jid.to_string(),
                lid: written(lid),
                platform,
                business_name,
            },
            D::PairError { reason } => Self::PairError { reason },
            D::QrScannedWithoutMultidevice => Self::QrScannedWithoutMultidevice,
            D::KeepaliveTimeout => Self::KeepaliveTimeout,
            D::KeepaliveRestored => Self::KeepaliveRestored,
            D::ManualReconnect => Self::ManualReconnect,
        }
    }
}

impl TryFrom<StateChange> for domain::StateChange {
    type Error = Error;

    fn try_from(change: StateChange) -> Result<Self, Error> {
        use StateChange as S;
        Ok(match change {
            S::Connected { jid, lid } => {
                Self::Connected { jid: Jid::parse(&jid)?, lid: optional(lid.as_deref())? }
            }
            S::Disconnected { reason } => Self::Disconnected { reason },
            S::LoggedOut { reason } => Self::LoggedOut { reason },
            S::StreamReplaced => Self::StreamReplaced,
            S::TempBanned { code, until } => Self::TempBanned { code, until: time(until)? },
            S::ClientOutdated => Self::ClientOutdated,
            S::ConnectFailure { code, reason } => Self::ConnectFailure { code, reason },
            S::StreamError { code } => Self::StreamError { code },
            S::CatRefreshError { code } => Self::CatRefreshError { code },
            S::QrReady { codes } => {
                Self::QrReady { codes: codes.into_iter().map(QrCode::new).collect() }
            }
            S::PairSuccess { jid, lid, platform, business_name } => Self::PairSuccess {
                jid: Jid::parse(&jid)?,
                lid: optional(lid.as_deref())?,
                platform,
                business_name,
            },
            S::PairError { reason } => Self::PairError { reason },
            S::QrScannedWithoutMultidevice => Self::QrScannedWithoutMultidevice,
            S::KeepaliveTimeout => Self::KeepaliveTimeout,
            S::KeepaliveRestored => Self::KeepaliveRestored,
            S::ManualReconnect => Self::ManualReconnect,
        })
    }
}
