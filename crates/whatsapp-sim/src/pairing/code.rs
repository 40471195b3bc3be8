//! Linking by a code that the client shows and the owner types in.
//!
//! The client says hello with its key wrapped by the code, the phone answers with its own
//! (`primary_hello`), and only the client's `companion_finish` shows whether the codes were the same.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use super::offer::Answer;
use super::{COUNTERSIGNATURE, Unpaired};
use crate::clock;
use crate::error::{Error, Result};
use crate::faults::{Action, Point};
use crate::hub::{stanza_id, timestamp};
use crate::phone::link::{LinkCode, LinkError};
use crate::stanza::fields::Fields as _;
use crate::stanza::iq::{self, Answer as IqAnswer};
use crate::state::account::Account;

/// How long a code is good (`WAWebAltDeviceLinkingApi`).
const VALIDITY: Duration = Duration::from_mins(3);
/// How often an owner may mistype one.
const ATTEMPTS: u32 = 3;
/// How many codes may be asked for one number, …
const CODES: usize = 5;
/// … in which time.
const CODES_WITHIN: Duration = Duration::from_mins(10);

/// The codes that are outstanding, by phone number: WhatsApp finds the client by it.
#[derive(Default)]
pub(super) struct Codes {
    flows: HashMap<String, Flow>,
    asked: HashMap<String, Vec<Instant>>,
}

/// A client that shows a code.
struct Flow {
    unpaired: Arc<Unpaired>,
    hello: Hello,
    until: Instant,
    entered: Option<Entered>,
    mistyped: u32,
    /// Whether the client has been asked for another code. Kept so that the owner hears of it.
    is_over: bool,
}

/// What the client has said.
#[derive(Clone)]
pub(super) struct Hello {
    pub(super) reference: Vec<u8>,
    pub(super) wrapped_ephemeral: Vec<u8>,
}

/// A code an owner has typed in, and who waits for what becomes of it.
struct Entered {
    account: Arc<Account>,
    code: LinkCode,
    answer: Answer,
}

/// Derives the phone's part. Slow.
pub(super) fn enter(code: &str, hello: &[u8]) -> Result<LinkCode> {
    Ok(LinkCode::enter(code, hello)?)
}

/// Answers a client's request about its code, and says what to send after the answer.
pub(super) fn request(unpaired: &Arc<Unpaired>, request: &Node) -> (IqAnswer, Option<Node>) {
    let Some(number) = request.jid("jid").map(|jid| jid.user.to_string()) else {
        return (IqAnswer::BAD_REQUEST, None);
    };
    match request.text("stage").as_deref() {
        Some("companion_hello") => (hello(unpaired, &number, request), None),
        Some("companion_finish") => finish(unpaired, &number, request),
        _ => (iq::unknown(&unpaired.hub, request), None),
    }
}

fn hello(unpaired: &Arc<Unpaired>, number: &str, request: &Node) -> IqAnswer {
    let wrapped = request.content_of("link_code_pairing_wrapped_companion_ephemeral_pub");
    let Some(wrapped_ephemeral) = wrapped.filter(|wrapped| wrapped.len() == 80) else {
        return IqAnswer::BAD_REQUEST;
    };
    if unpaired.hub.faults.decide(number, Point::Pairing) == Some(Action::ForbidPairing) {
        return IqAnswer::error(452, "feature-not-available");
    }
    if unpaired.hub.faults.decide(number, Point::Code) == Some(Action::ThrottleCodes) {
        return IqAnswer::error(429, "rate-overlimit").with_backoff(CODES_WITHIN);
    }
    let now = clock::instant();
    let mut codes = unpaired.hub.pairings.codes();
    if let Some(wait) = codes.throttle(number, now) {
        return IqAnswer::error(429, "rate-overlimit").with_backoff(wait);
    }
    let reference = stanza_id().into_bytes();
    let hello =
        Hello { reference: reference.clone(), wrapped_ephemeral: wrapped_ephemeral.to_vec() };
    let until = now + VALIDITY;
    let flow = Flow {
        unpaired: Arc::clone(unpaired),
        hello,
        until,
        entered: None,
        mistyped: 0,
        is_over: false,
    };
    codes.flows.insert(number.to_owned(), flow);
    drop(codes);
    expire(unpaired, number.to_owned(), reference.clone(), until);
    let reference = NodeBuilder::new("link_code_pairing_ref").bytes(reference).build();
    let answer = NodeBuilder::new("link_code_companion_reg")
        .attr("stage", "companion_hello")
        .children([reference])
        .build();
    IqAnswer::Result(vec![answer])
}

/// Asks for a new code once this one is too old.
fn expire(unpaired: &Arc<Unpaired>, number: String, reference: Vec<u8>, until: Instant) {
    let unpaired = Arc::downgrade(unpaired);
    tokio::spawn(async move {
        let mut look = until;
        loop {
            tokio::time::sleep_until(look).await;
            let Some(unpaired) = unpaired.upgrade() else { return };
            let mut codes = unpaired.hub.pairings.codes();
            let flow = codes.flows.get_mut(&number);
            let flow = flow.filter(|flow| flow.hello.reference == reference && !flow.is_over);
            let Some(flow) = flow else { return };
            if !flow.is_being_finished() {
                flow.end();
                drop(codes);
                return unpaired.line.send(refresh(reference));
            }
            look += COUNTERSIGNATURE;
        }
    });
}

fn finish(unpaired: &Arc<Unpaired>, number: &str, request: &Node) -> (IqAnswer, Option<Node>) {
    const REFUSED: (IqAnswer, Option<Node>) = (IqAnswer::BAD_REQUEST, None);
    let parts = || {
        let reference = request.content_of("link_code_pairing_ref")?;
        let bundle = request.content_of("link_code_pairing_wrapped_key_bundle")?;
        Some((reference, bundle, request.array_of::<32>("companion_identity_public")?))
    };
    let Some((reference, bundle, identity)) = parts() else { return REFUSED };
    let mut codes = unpaired.hub.pairings.codes();
    let flow = codes.flows.get_mut(number).filter(|flow| {
        flow.hello.reference == reference && flow.unpaired.line.id == unpaired.line.id
    });
    let Some(flow) = flow else { return REFUSED };
    let Some(Entered { account, code, answer }) = flow.entered.take() else { return REFUSED };
    let account_key = account.lock().handset.signal.identity();
    match code.finish(&account_key, &identity, bundle) {
        Ok(_) if identity != unpaired.keys.identity => {
            let _ = answer.send(Err(Error::from(LinkError::Signature)));
            REFUSED
        }
        Ok(secret) => {
            codes.flows.remove(number);
            drop(codes);
            // If it cannot be offered, the owner learns that from the answer's end.
            match unpaired.offer(&account, &secret, answer) {
                Ok(offer) => (IqAnswer::Result(Vec::new()), Some(offer)),
                Err(_) => REFUSED,
            }
        }
        Err(error) => {
            // Only the phone can tell; the client goes on waiting for the right code.
            flow.mistyped += 1;
            let over = flow.mistyped >= ATTEMPTS;
            if over {
                flow.end();
            }
            let _ = answer.send(Err(error.into()));
            (IqAnswer::Result(Vec::new()), over.then(|| refresh(reference.to_vec())))
        }
    }
}

impl Flow {
    /// Whether an owner has typed in a code and still waits for what becomes of it.
    fn is_being_finished(&self) -> bool {
        self.entered.as_ref().is_some_and(|entered| !entered.answer.is_closed())
    }

    fn end(&mut self) {
        self.is_over = true;
        self.entered = None;
    }
}

impl Codes {
    /// The hello of the client that shows a code for this number.
    pub(super) fn outstanding(&self, number: &str, now: Instant) -> Result<Hello> {
        let flow = self.flows.get(number).ok_or(Error::NotFound("pairing code"))?;
        if flow.is_over || now > flow.until {
            return Err(Error::Gone("the pairing code is not valid any more".to_owned()));
        }
        Ok(flow.hello.clone())
    }

    /// Sends the phone's part to the client, which will finish or not.
    pub(super) fn answer(
        &mut self,
        account: &Arc<Account>,
        reference: &[u8],
        code: LinkCode,
        answer: Answer,
    ) -> Result<()> {
        let flow = self.flows.get_mut(&account.number);
        let flow = flow.filter(|flow| flow.hello.reference == reference && !flow.is_over);
        let flow = flow.ok_or_else(|| Error::Gone("the pairing code was replaced".to_owned()))?;
        if flow.is_being_finished() {
            return Err(Error::Conflict("the pairing code has been entered already".to_owned()));
        }
        let identity = account.lock().handset.signal.identity_public();
        let children = [
            NodeBuilder::new("link_code_pairing_wrapped_primary_ephemeral_pub")
                .bytes(code.wrapped_ephemeral().to_vec())
                .build(),
            NodeBuilder::new("primary_identity_pub").bytes(identity.to_vec()).build(),
            NodeBuilder::new("link_code_pairing_ref").bytes(reference.to_vec()).build(),
        ];
        let hello = NodeBuilder::new("link_code_companion_reg").attr("stage", "primary_hello");
        flow.entered = Some(Entered { account: Arc::clone(account), code, answer });
        flow.unpaired.line.send(notification(hello.children(children).build()));
        Ok(())
    }

    /// Forgets the codes of a connection that is over.
    pub(super) fn forget(&mut self, line: u64) {
        self.flows.retain(|_, flow| flow.unpaired.line.id != line);
    }

    /// How long to wait, if too many codes have been asked for this number.
    fn throttle(&mut self, number: &str, now: Instant) -> Option<Duration> {
        let asked = self.asked.entry(number.to_owned()).or_default();
        asked.retain(|at| *at + CODES_WITHIN > now);
        if asked.len() >= CODES {
            return asked.first().map(|first| *first + CODES_WITHIN - now);
        }
        asked.push(now);
        None
    }
}

/// Asks the client to show another code.
fn refresh(reference: Vec<u8>) -> Node {
    let reference = NodeBuilder::new("link_code_pairing_ref").bytes(reference).build();
    notification(
        NodeBuilder::new("link_code_companion_reg")
            .attr("stage", "refresh_code")
            .attr("force_manual_refresh", "true")
            .children([reference])
            .build(),
    )
}

fn notification(content: Node) -> Node {
    NodeBuilder::new("notification")
        .attr("type", "link_code_companion_reg")
        .attr("from", "s.whatsapp.net")
        .attr("id", stanza_id())
        .attr("t", timestamp())
        .children([content])
        .build()
}
