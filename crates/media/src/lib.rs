//! Looks into media, makes stickers, and fetches files from URLs that callers give.
