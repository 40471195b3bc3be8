//! What the library reads and does not tell.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use wacore::{
    stanza::{
        call::parse_call_stanza, groups::GroupNotification, receipt::collect_simple_message_ids,
    },
    types::{
        events::{Event, Receipt},
        message::MessageSource,
        presence::ReceiptType,
    },
};
use wacore_binary::{Jid, JidExt, NodeRef};
use wharf_domain::ports::SessionEvent;

use crate::{queue::Entry, session::Core};

/// How many receipts are remembered until the library has read them too, which it does at once.
const ROOM: usize = 64;

/// Whom the receipts of our own devices are for.
#[derive(Default)]
pub(crate) struct Recipients(Mutex<VecDeque<(String, Jid)>>);

impl Recipients {
    fn note(&self, stanza: &str, recipient: Jid) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() == ROOM {
            noted.pop_front();
        }
        noted.push_back((stanza.to_owned(), recipient));
    }

    /// Whom a receipt is for, where it says so. A receipt's own id is the last of those it speaks of.
    pub(crate) fn take(&self, receipt: &Receipt) -> Option<Jid> {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = receipt.message_ids.last()?;
        let place = noted.iter().position(|(stanza, _)| stanza == id)?;
        noted.remove(place).map(|(_, recipient)| recipient)
    }
}

/// Looks at a stanza before the library does.
pub(crate) fn look_at(core: &Core, node: &NodeRef<'_>) {
    if answers(node) {
        core.tasks.note_answering();
    }
    match node.tag.as_ref() {
        "message" | "status" => core.afoot.note(node, core.clock.now()),
        "receipt" => look_at_receipt(core, node),
        // The library tells of the codes it does not act on only in its log. 515 asks for the redial of a pairing.
        "stream:error" => {
            if let Some(error) = node.attrs().optional_string("code")
                && error != "515"
            {
                core.note_stream_error(&error);
            }
        }
        // A phone that cannot link devices has scanned the code.
        "ib" if node.get_optional_child("downgrade_webclient").is_some() => {
            core.queue.push_own(SessionEvent::ScannedWithoutMultidevice);
        }
        // The library tells of both too, but when it is done with them, and that is not in their order.
        "call" => look_at_call(core, node),
        "notification" if node.get_attr("type").is_some_and(|kind| kind.as_str() == "w:gp2") => {
            if let Some(notification) = GroupNotification::try_from_node_ref(node) {
                let notification = Arc::new(notification);
                for index in 0..notification.actions.len() {
                    core.queue.push(Entry::Group(notification.clone(), index));
                }
            }
        }
        _ => {}
    }
}

/// Whether the library acknowledges a stanza as a matter of course, without anybody who has to take it first.
fn answers(node: &NodeRef<'_>) -> bool {
    match node.tag.as_ref() {
        "receipt" | "notification" | "call" | "status" => true,
        "message" => node
            .attrs()
            .optional_jid("from")
            .is_some_and(|from| from.is_newsletter() || from.is_status_broadcast()),
        _ => false,
    }
}

fn look_at_call(core: &Core, node: &NodeRef<'_>) {
    match parse_call_stanza(node) {
        Ok(Some(call)) => {
            let begins = core.calls.note(&call);
            core.queue.push(Entry::Call(Box::new(call), begins));
        }
        // What is not known yet is none of our business.
        Ok(None) => {}
        Err(e) => tracing::warn!(error = %e, "a call could not be read"),
    }
}

fn look_at_receipt(core: &Core, node: &NodeRef<'_>) {
    let mut attrs = node.attrs();
    let Some(id) = attrs.optional_string("id") else { return };
    match attrs.optional_string("type").as_deref() {
        Some("retry") => {
            if let Some(receipt) = retry(node, &id) {
                core.queue.push(Entry::receipt(receipt, None));
            }
        }
        _ => {
            if let Some(recipient) = attrs.optional_jid("recipient") {
                core.recipients.note(&id, recipient);
            }
        }
    }
}

/// That somebody could not decrypt a message and asks for it again, which the library sees to in silence.
fn retry(node: &NodeRef<'_>, id: &str) -> Option<Receipt> {
    let mut attrs = node.attrs();
    let chat = attrs.optional_jid("from")?;
    let sender = attrs.optional_jid("participant").unwrap_or_else(|| chat.clone());
    let seconds = attrs.optional_u64("t").and_then(|t| i64::try_from(t).ok());
    let timestamp = seconds.and_then(wacore::time::from_secs).unwrap_or_else(wacore::time::now_utc);
    let receipt = Receipt::builder()
        .message_ids(collect_simple_message_ids(node, id, false))
        .source(MessageSource {
            chat,
            sender,
            sender_alt: attrs.optional_jid("participant_pn"),
            ..MessageSource::default()
        })
        .timestamp(timestamp)
        .r#type(ReceiptType::Retry)
        .offline(attrs.optional_string("offline").is_some())
        .build();
    Some(receipt)
}

/// Takes note of a receipt that the library has read.
pub(crate) fn receipt(core: &Core, event: &Arc<Event>) {
    if let Event::Receipt(receipt) = &**event {
        core.acks.prove(receipt);
        let recipient = core.recipients.take(receipt);
        core.queue.push(Entry::receipt(receipt.clone(), recipient));
    }
}
