use std::error::Error as StdError;
use std::time::Duration;

use bytes::Bytes;
use futures::future::ready;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// The most bytes handed over at once.
const PIECE: usize = 64 * 1024;

type BoxError = Box<dyn StdError + Send + Sync>;

/// What a request carries.
pub(crate) enum Body {
    Whole(Bytes),
    Streamed { size: u64, pieces: BoxStream<'static, Result<Bytes, BoxError>> },
}

/// A streamed body is not as long as was said, so what the server has is not all there is.
#[derive(Debug, Error)]
#[error("the body is not as long as announced")]
struct WrongSize;

impl Body {
    /// A body that is in memory. A large one goes out in pieces all the same, so that its progress can be told.
    pub(crate) fn whole(bytes: Bytes) -> Self {
        if bytes.len() <= PIECE {
            return Self::Whole(bytes);
        }
        Self::streamed(bytes.len() as u64, stream::iter([Ok::<_, BoxError>(bytes)]))
    }

    pub(crate) fn streamed<S, E>(size: u64, stream: S) -> Self
    where
        S: futures::Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        let pieces = stream.map(|piece| piece.map_err(Into::into)).boxed();
        Self::Streamed { size, pieces: exactly(size, pieces) }
    }

    /// The body for reqwest, and what tells how it gets on.
    pub(crate) fn into_reqwest(self) -> (reqwest::Body, Progress) {
        match self {
            Self::Whole(bytes) => (bytes.into(), Progress(None)),
            Self::Streamed { pieces, .. } => {
                let (told, progress) = watch::channel(());
                // A piece is asked for once the one before is on its way.
                let pieces = pieces.inspect(move |_| told.send_replace(()));
                (reqwest::Body::wrap_stream(pieces), Progress(Some(progress)))
            }
        }
    }
}

/// The same bytes in pieces small enough to tell progress by, and an error as soon as there are too many or too few of
/// them. The last piece is held back until it is known to be the last: nobody asks for more once the announced length is
/// reached.
fn exactly(
    size: u64,
    pieces: BoxStream<'static, Result<Bytes, BoxError>>,
) -> BoxStream<'static, Result<Bytes, BoxError>> {
    // Empty pieces would look like an end.
    let pieces = pieces.try_filter(|piece| ready(!piece.is_empty())).boxed();
    stream::try_unfold((pieces, Bytes::new(), size), async |(mut pieces, mut held, mut left)| {
        if held.is_empty() {
            let Some(piece) = pieces.next().await.transpose()? else {
                return if left == 0 { Ok(None) } else { Err(WrongSize.into()) };
            };
            left = left.checked_sub(piece.len() as u64).ok_or(WrongSize)?;
            if left == 0 && pieces.next().await.transpose()?.is_some() {
                return Err(WrongSize.into());
            }
            held = piece;
        }
        let next = held.split_to(held.len().min(PIECE));
        Ok(Some((next, (pieces, held, left))))
    })
    .boxed()
}

/// How a body gets on that is sent piece by piece.
pub(crate) struct Progress(Option<watch::Receiver<()>>);

impl Progress {
    /// Returns once nothing was sent for `stall`, or nothing came back for as long after all was sent.
    pub(crate) async fn stalled(self, stall: Duration) {
        if let Some(mut progress) = self.0 {
            loop {
                match timeout(stall, progress.changed()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => break,
                    Err(_) => return,
                }
            }
        }
        sleep(stall).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sent(size: u64, pieces: &'static [&'static str]) -> Result<String, String> {
        let pieces = pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes())));
        let mut pieces = exactly(size, stream::iter(pieces.collect::<Vec<_>>()).boxed());
        let mut all = String::new();
        while let Some(piece) = pieces.next().await {
            all += std::str::from_utf8(&piece.map_err(|e| e.to_string())?).unwrap();
        }
        Ok(all)
    }

    #[tokio::test]
    async fn a_body_is_as_long_as_announced_or_fails() {
        assert_eq!(sent(0, &[]).await.unwrap(), "");
        assert_eq!(sent(5, &["hel", "", "lo", ""]).await.unwrap(), "hello");
        for pieces in [&["hel"][..], &["hel", "lo", "!"], &["hello!"], &[]] {
            assert!(sent(5, pieces).await.is_err(), "{pieces:?}");
        }
    }
}
