/// Gives out bytes nobody can guess.
pub trait Random: Send + Sync {
    /// Fills the whole slice from a cryptographically secure source.
    fn fill(&self, bytes: &mut [u8]);
}
