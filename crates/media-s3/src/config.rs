/// How a deployment deals with buckets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Which URLs are given out.
    pub urls: Urls,
    /// Where endpoints other than AWS want the bucket's name.
    pub addressing: Addressing,
}

/// Which URLs of objects are given out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Urls {
    /// Signed ones: whoever has one can read the object for seven days.
    #[default]
    Presigned,
    /// The bare address, for buckets that are open to all.
    Plain,
}

/// Where an endpoint of one's own wants the bucket's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Addressing {
    /// As the first segment of the path, which all but a few servers take.
    #[default]
    Path,
    /// In front of the host, for names that can stand there.
    VirtualHost,
}
