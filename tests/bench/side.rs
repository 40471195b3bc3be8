//! What both sides of a comparison do.

use anyhow::Result;

/// One linked device and everybody's phones.
pub(crate) trait Side: Send + Sync + 'static {
    /// A message typed on a phone, until it is where messages are wanted. The text must be a new one.
    fn incoming(&self, from: &str, text: &str) -> impl Future<Output = Result<()>> + Send;

    /// A message to a phone, until WhatsApp's server has acknowledged it.
    fn outgoing(&self, to: &str, text: &str) -> impl Future<Output = Result<()>> + Send;
}
