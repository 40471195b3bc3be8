use serde::{Deserialize, Serialize};
use wharf_domain::{
    Error,
    event::{self as domain, EventBody},
    message::MessageId,
};

use super::{
    address::{Chat, Party, optional},
    call::CallUpdate,
    group::GroupChange,
    label::LabelChange,
    message::Message,
    state::StateChange,
    time,
};
use crate::error;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::encoding) enum Body {
    Message(Box<Message>),
    Receipt(Receipt),
    State(StateChange),
    Call(CallUpdate),
    Group(GroupChange),
    Label(LabelChange),
}

#[derive(Serialize, Deserialize)]
pub(in crate::encoding) struct Receipt {
    kind: ReceiptKind,
    message_ids: Vec<String>,
    chat: Chat,
    from: Party,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    timestamp: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ReceiptKind {
    Delivered,
    Read,
    Played,
    Sender,
    ReadSelf,
    PlayedSelf,
    Retry,
    Inactive,
    ServerError,
}

impl TryFrom<&EventBody> for Body {
    type Error = error::Error;

    fn try_from(body: &EventBody) -> error::Result<Self> {
        Ok(match body {
            EventBody::Message(message) => Self::Message(Box::new(message.as_ref().try_into()?)),
            EventBody::Receipt(receipt) => Self::Receipt(receipt.into()),
            EventBody::State(change) => Self::State(change.into()),
            EventBody::Call(update) => Self::Call(update.into()),
            EventBody::Group(change) => Self::Group(change.try_into()?),
            EventBody::Label(change) => Self::Label(change.try_into()?),
            _ => return Err(error::Error::UnknownEncoding("event")),
        })
    }
}

impl TryFrom<Body> for EventBody {
    type Error = Error;

    fn try_from(body: Body) -> Result<Self, Error> {
        Ok(match body {
            Body::Message(message) => Self::Message(Box::new((*message).try_into()?)),
            Body::Receipt(receipt) => Self::Receipt(receipt.try_into()?),
            Body::State(change) => Self::State(change.try_into()?),
            Body::Call(update) => Self::Call(update.try_into()?),
            Body::Group(change) => Self::Group(change.try_into()?),
            Body::Label(change) => Self::Label(change.try_into()?),
        })
    }
}

impl From<&domain::Receipt> for Receipt {
    fn from(receipt: &domain::Receipt) -> Self {
        use domain::ReceiptKind as D;
        let kind = match receipt.kind {
            D::Delivered => ReceiptKind::Delivered,
            D::Read => ReceiptKind::Read,
            D::Played => ReceiptKind::Played,
            D::Sender => ReceiptKind::Sender,
            D::ReadSelf => ReceiptKind::ReadSelf,
            D::PlayedSelf => ReceiptKind::PlayedSelf,
            D::Retry => ReceiptKind::Retry,
            D::Inactive => ReceiptKind::Inactive,
            D::ServerError => ReceiptKind::ServerError,
        };
        Self {
            kind,
            message_ids: receipt.message_ids.iter().map(ToString::to_string).collect(),
            chat: (&receipt.chat).into(),
            from: (&receipt.from).into(),
            author: receipt.author.as_ref().map(ToString::to_string),
            timestamp: receipt.timestamp.timestamp_micros(),
        }
    }
}

impl TryFrom<Receipt> for domain::Receipt {
    type Error = Error;

    fn try_from(receipt: Receipt) -> Result<Self, Error> {
        use domain::ReceiptKind as D;
        let kind = match receipt.kind {
            ReceiptKind::Delivered => D::Delivered,
            ReceiptKind::Read => D::Read,
            ReceiptKind::Played => D::Played,
            ReceiptKind::Sender => D::Sender,
            ReceiptKind::ReadSelf => D::ReadSelf,
            ReceiptKind::PlayedSelf => D::PlayedSelf,
            ReceiptKind::Retry => D::Retry,
            ReceiptKind::Inactive => D::Inactive,
            ReceiptKind::ServerError => D::ServerError,
        };
        let message_ids = receipt.message_ids.into_iter().map(MessageId::parse);
        Ok(Self {
            kind,
            message_ids: message_ids.collect::<Result<_, _>>()?,
            chat: receipt.chat.try_into()?,
            from: receipt.from.try_into()?,
            author: optional(receipt.author.as_deref())?,
            timestamp: time(receipt.timestamp)?,
        })
    }
}
