//! Who is at the other end of a connection.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// A range of addresses: `10.0.0.0/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// A text that is no range of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither an address nor a range like 10.0.0.0/8")]
pub struct InvalidNetwork(String);

impl std::str::FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let refusal = || InvalidNetwork(raw.to_owned());
        let (address, prefix) = match raw.trim().split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (raw.trim(), None),
        };
        let address: IpAddr = address.parse().map_err(|_| refusal())?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(widest), str::parse).map_err(|_| refusal())?;
        if prefix > widest { Err(refusal()) } else { Ok(Self { address, prefix }) }
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl Network {
    /// Whether an address lies in the range. An IPv4 address counts as itself when it is mapped into IPv6.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                leading(own.to_bits().into(), 32, self.prefix)
                    == leading(other.to_bits().into(), 32, self.prefix)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                leading(own.to_bits(), 128, self.prefix)
                    == leading(other.to_bits(), 128, self.prefix)
            }
            _ => false,
        }
    }
}

fn leading(bits: u128, width: u8, prefix: u8) -> u128 {
    bits.checked_shr(u32::from(width - prefix)).unwrap_or(0)
}

/// The address a request comes from. A proxy that is trusted is believed about whom it forwards for: the last address in
/// `X-Forwarded-For` that is not itself a trusted proxy.
pub(crate) fn address(
    connected: Option<SocketAddr>,
    forwarded_for: &[&str],
    trusted: &[Network],
) -> Option<IpAddr> {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = connected?.ip().to_canonical();
    let hops = forwarded_for.iter().rev().flat_map(|header| header.rsplit(','));
    for hop in hops {
        if !is_trusted(client) {
            break;
        }
        let Some(address) = hop_address(hop) else { break };
        client = address;
    }
    Some(client)
}

/// An address of `X-Forwarded-For`, which some proxies write with a port or in brackets.
fn hop_address(raw: &str) -> Option<IpAddr> {
    let raw = raw.trim();
    raw.parse()
        .or_else(|_| raw.parse().map(|with_port: SocketAddr| with_port.ip()))
        .or_else(|_| raw.trim_start_matches('[').trim_end_matches(']').parse())
        .ok()
        .map(|address: IpAddr| address.to_canonical())
}

/// The part of an address one customer is given: an IPv6 customer owns a whole /64, so its addresses count as one.
pub(crate) fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(raw: &str) -> Network {
        raw.parse().unwrap()
    }

    fn ip(raw: &str) -> IpAddr {
        raw.parse().unwrap()
    }

    fn seen(connected: &str, forwarded_for: &[&str], trusted: &[Network]) -> IpAddr {
        let connected = SocketAddr::new(ip(connected), 40_000);
        address(Some(connected), forwarded_for, trusted).unwrap()
    }

    #[test]
    fn a_range_contains_what_shares_its_prefix() {
        assert!(network("10.0.0.0/8").contains(ip("10.200.3.4")));
        assert!(!network("10.0.0.0/8").contains(ip("11.0.0.1")));
        assert!(network("127.0.0.1").contains(ip("::ffff:127.0.0.1")));
        assert!(network("0.0.0.0/0").contains(ip("203.0.113.9")));
        assert!(network("2001:db8::/32").contains(ip("2001:db8:1::1")));
        assert!(!network("2001:db8::/32").contains(ip("10.0.0.1")));
        for refused in ["", "example.com", "10.0.0.0/33", "10.0.0.0/x", "10.0.0"] {
            assert!(refused.parse::<Network>().is_err(), "{refused}");
        }
    }

    #[test]
    fn a_stranger_is_not_believed_about_whom_it_forwards_for() {
        assert_eq!(seen("203.0.113.9", &["198.51.100.1"], &[]), ip("203.0.113.9"));
    }

    #[test]
    fn a_trusted_proxy_is_believed_up_to_the_first_stranger() {
        let trusted = [network("10.0.0.0/8")];
        let chain = ["1.1.1.1, 198.51.100.1", "10.0.0.7"];
        assert_eq!(seen("10.0.0.1", &chain, &trusted), ip("198.51.100.1"));
        assert_eq!(seen("10.0.0.1", &["198.51.100.1:4711"], &trusted), ip("198.51.100.1"));
        assert_eq!(seen("10.0.0.1", &["nonsense"], &trusted), ip("10.0.0.1"));
        assert_eq!(seen("10.0.0.1", &[], &trusted), ip("10.0.0.1"));
    }

    #[test]
    fn addresses_of_one_ipv6_customer_count_as_one() {
        assert_eq!(subscriber(ip("2001:db8::1")), subscriber(ip("2001:db8::2")));
        assert_ne!(subscriber(ip("2001:db8::1")), subscriber(ip("2001:db8:0:1::1")));
        assert_eq!(subscriber(ip("::ffff:192.0.2.1")), ip("192.0.2.1"));
    }
}
