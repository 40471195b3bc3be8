//! Memory by the page, not by the two megabytes.

/// Declines transparent huge pages for this process, from now on.
///
/// The allocator asks for them, and a process whose memory is many small pieces then keeps about three times as much of it
/// resident. To be called before much is allocated: a huge page stays one.
pub fn decline() {
    // Where the kernel refuses, memory is all that is lost.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}
