//! Long random histories, answered alike by ours and by the library's in-memory backend.

use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;
use wacore::store::in_memory::InMemoryBackend;
use wacore::store::traits::{Backend, MsgSecretEntry, TcTokenEntry};

use crate::home::Home;

const STEPS: usize = 600;

/// Draws the same history for the same seed.
struct Draw(u64);

impl Draw {
    /// A number below `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }

    fn address(&mut self) -> String {
        let device = match self.below(3) {
            0 => String::new(),
            device => format!(":{device}"),
        };
        let server = if self.below(2) == 0 { "lid" } else { "s.whatsapp.net" };
        format!("551199999000{}{device}@{server}", self.below(4))
    }

    fn name(&mut self) -> String {
        format!("M{}", self.below(4))
    }

    fn time(&mut self) -> i64 {
        i64::try_from(self.below(5) * 10).unwrap()
    }
}

fn told(answer: impl Debug) -> String {
    format!("{answer:?}")
}

/// Takes one step of the history, and tells what the backend answered.
async fn step(backend: &dyn Backend, draw: &mut Draw) -> String {
    match draw.below(24) {
        0 => told(backend.put_session(&draw.address(), &[draw.byte(); 9]).await.is_ok()),
        1 => {
            let sessions: Vec<(Arc<str>, Bytes)> = (0..draw.below(5))
                .map(|_| (draw.address().into(), vec![draw.byte(); 9].into()))
                .collect();
            told(backend.put_sessions_batch(&sessions).await.is_ok())
        }
        2 | 3 => told(backend.get_session(&draw.address()).await.unwrap()),
        4 => told(backend.has_session(&draw.address()).await.unwrap()),
        5 => told(backend.delete_session(&draw.address()).await.is_ok()),
        6 => told(backend.put_identity(&draw.address(), [draw.byte(); 32]).await.is_ok()),
        7 => told(backend.load_identity(&draw.address()).await.unwrap()),
        8 => told(backend.delete_identity(&draw.address()).await.is_ok()),
        9 => {
            let user = format!("551199999000{}", draw.below(4));
            told(backend.has_signal_state_for_user(&user).await.unwrap())
        }
        10 => {
            let id = u32::try_from(draw.below(6)).unwrap();
            told(backend.store_prekey(id, &[draw.byte(); 9], false).await.is_ok())
        }
        11 => {
            let ids: Vec<u32> = (0..draw.below(6)).map(|id| u32::try_from(id).unwrap()).collect();
            backend.mark_prekeys_uploaded(&ids).await.unwrap();
            told(backend.load_prekeys_batch(&ids).await.unwrap())
        }
        12 => {
            backend.remove_prekey(u32::try_from(draw.below(6)).unwrap()).await.unwrap();
            told(backend.get_max_prekey_id().await.unwrap())
        }
        13 => {
            let (jid, time) = (draw.name(), draw.time());
            told(backend.touch_tc_token_sender_timestamp(&jid, time).await.is_ok())
        }
        14 => {
            let (jid, time) = (draw.name(), draw.time());
            told(backend.store_received_tc_token(&jid, &[draw.byte()], time).await.is_ok())
        }
        15 => {
            let sender_timestamp = (draw.below(2) == 0).then(|| draw.time());
            let token = vec![draw.byte(); usize::from(draw.byte() % 2)];
            let entry = TcTokenEntry { token, token_timestamp: draw.time(), sender_timestamp };
            told(backend.put_tc_token(&draw.name(), &entry).await.is_ok())
        }
        16 | 17 => told(backend.get_tc_token(&draw.name()).await.unwrap()),
        18 => {
            let (token_cutoff, sender_cutoff) = (draw.time(), draw.time());
            told(backend.delete_expired_tc_tokens(token_cutoff, sender_cutoff).await.unwrap())
        }
        19 => {
            let entries: Vec<_> = (0..draw.below(4))
                .map(|_| MsgSecretEntry {
                    chat: "a@lid".into(),
                    sender: "a@lid".into(),
                    msg_id: draw.name().into(),
                    secret: [draw.byte(); 32],
                    expires_at: draw.time(),
                    message_ts: draw.time(),
                })
                .collect();
            told(backend.put_msg_secrets(entries).await.unwrap())
        }
        20 => {
            let id = draw.name();
            told(backend.get_msg_secret_with_ts("a@lid", "a@lid", &id).await.unwrap())
        }
        21 => told(backend.delete_expired_msg_secrets(draw.time()).await.unwrap()),
        22 => told(backend.store_sent_message("a", &draw.name(), &[draw.byte()]).await.is_ok()),
        _ => told(backend.take_sent_message("a", &draw.name()).await.unwrap()),
    }
}

async fn random_histories_are_answered_as_by_the_oracle(home: Home) {
    for seed in 1..=4u64 {
        home.factory().wipe(crate::home::INSTANCE).await.unwrap();
        let (ours, oracle) = (home.open().await, InMemoryBackend::new());
        let mut draws = [Draw(seed), Draw(seed)];
        for n in 0..STEPS {
            let expected = step(&oracle, &mut draws[0]).await;
            let answered = step(&ours, &mut draws[1]).await;
            assert_eq!(answered, expected, "seed {seed}, step {n}");
        }
    }
}

#[tokio::test]
async fn random_histories_are_answered_as_by_the_oracle_on_sqlite() {
    random_histories_are_answered_as_by_the_oracle(Home::sqlite().await).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn random_histories_are_answered_as_by_the_oracle_on_postgres() {
    random_histories_are_answered_as_by_the_oracle(Home::postgres().await).await;
}
