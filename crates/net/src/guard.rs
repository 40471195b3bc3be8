use std::net::IpAddr;
use std::str::FromStr;

use thiserror::Error;
use url::{Host, Url};

use crate::AddressKind;

/// Where user-given URLs may lead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Egress {
    /// Anywhere but link-local and cloud metadata addresses: self-hosted receivers usually are on
    /// a private network.
    #[default]
    Open,
    /// Only to addresses of the public internet.
    PublicOnly,
}

impl FromStr for Egress {
    type Err = UnknownEgress;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        match raw {
            "open" => Ok(Self::Open),
            "public-only" => Ok(Self::PublicOnly),
            _ => Err(UnknownEgress),
        }
    }
}

/// The text names no egress policy.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be `open` or `public-only`")]
pub struct UnknownEgress;

/// Judges where a request to a user-given URL would go.
///
/// Clients made by [`Net::guarded_client`](crate::Net::guarded_client) ask it for every request
/// and for every address a name resolves to; ask it directly to refuse a URL when it is configured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Guard {
    egress: Egress,
}

impl Guard {
    /// A guard with that policy.
    #[must_use]
    pub const fn new(egress: Egress) -> Self {
        Self { egress }
    }

    /// Refuses what is wrong with `url` as it stands. A name is not resolved here: what it leads
    /// to is judged when it is dialled, since that may change at any time.
    pub fn check_url(&self, url: &Url) -> Result<(), Refused> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused::Scheme);
        }
        match url.host() {
            None => Err(Refused::NoHost),
            Some(host) => self.check_host(&host),
        }
    }

    /// Refuses IP literals like [`check_address`](Self::check_address), and the name `localhost`
    /// where loopback is refused.
    pub(crate) fn check_host<S: AsRef<str>>(self, host: &Host<S>) -> Result<(), Refused> {
        match host {
            Host::Ipv4(address) => self.check_address(IpAddr::V4(*address)),
            Host::Ipv6(address) => self.check_address(IpAddr::V6(*address)),
            Host::Domain(name) => {
                let name = name.as_ref().trim_end_matches('.').to_ascii_lowercase();
                // RFC 6761 promises that these names are loopback everywhere.
                let is_loopback = name == "localhost" || name.ends_with(".localhost");
                if is_loopback { self.check_kind(AddressKind::Loopback) } else { Ok(()) }
            }
        }
    }

    /// Refuses an address that may not be dialled.
    pub fn check_address(&self, address: IpAddr) -> Result<(), Refused> {
        self.check_kind(AddressKind::of(address))
    }

    fn check_kind(self, kind: AddressKind) -> Result<(), Refused> {
        let allowed = match self.egress {
            Egress::Open => !kind.is_never_allowed(),
            Egress::PublicOnly => kind == AddressKind::Public,
        };
        allowed.then_some(()).ok_or(Refused::Address(kind))
    }
}

/// Why the guard lets a request not out.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Refused {
    /// Neither `http` nor `https`.
    #[error("only http and https URLs are allowed")]
    Scheme,
    /// A URL without a host.
    #[error("the URL names no host")]
    NoHost,
    /// The address, given or resolved, is of a kind the policy refuses.
    #[error("the host has a {0} address, which this server does not call")]
    Address(AddressKind),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(egress: Egress, url: &str) -> Result<(), Refused> {
        Guard::new(egress).check_url(&Url::parse(url).unwrap())
    }

    #[test]
    fn only_http_and_https_pass() {
        for url in ["ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "data:,x"]
        {
            assert_eq!(check(Egress::Open, url), Err(Refused::Scheme), "{url}");
        }
        for url in ["http://example.com/", "https://example.com:8443/hook?x=1"] {
            assert_eq!(check(Egress::PublicOnly, url), Ok(()), "{url}");
        }
    }

    #[test]
    fn metadata_addresses_are_refused_whatever_the_policy_and_spelling() {
        for url in [
            "http://169.254.169.254/latest/meta-data",
            "http://169.254.169.254./",
            "http://0xa9fea9fe/",
            "http://2852039166/",
            "http://0251.0376.0251.0376/",
            "http://[::ffff:169.254.169.254]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://[fe80::1]/",
        ] {
            for egress in [Egress::Open, Egress::PublicOnly] {
                let refusal = Err(Refused::Address(AddressKind::LinkLocal));
                assert_eq!(check(egress, url), refusal, "{url}");
            }
        }
        for url in ["http://[fd00:ec2::254]/", "http://100.100.100.200/"] {
            let refusal = Err(Refused::Address(AddressKind::CloudMetadata));
            assert_eq!(check(Egress::Open, url), refusal, "{url}");
        }
    }

    #[test]
    fn private_and_loopback_hosts_pass_unless_the_policy_is_public_only() {
        for (url, kind) in [
            ("http://127.0.0.1:9000/", AddressKind::Loopback),
            ("http://127.1/", AddressKind::Loopback),
            ("http://[::1]/", AddressKind::Loopback),
            ("http://localhost/", AddressKind::Loopback),
            ("http://LOCALHOST./", AddressKind::Loopback),
            ("http://hook.localhost/", AddressKind::Loopback),
            ("http://10.0.0.7/", AddressKind::Private),
            ("http://[fd12::1]/", AddressKind::Private),
            ("http://100.64.0.1/", AddressKind::CarrierNat),
            ("http://0.0.0.0/", AddressKind::Unspecified),
        ] {
            assert_eq!(check(Egress::Open, url), Ok(()), "{url}");
            assert_eq!(check(Egress::PublicOnly, url), Err(Refused::Address(kind)), "{url}");
        }
    }

    #[test]
    fn policies_are_read_from_their_names() {
        assert_eq!("open".parse(), Ok(Egress::Open));
        assert_eq!("public-only".parse(), Ok(Egress::PublicOnly));
        assert_eq!("closed".parse::<Egress>(), Err(UnknownEgress));
    }
}
