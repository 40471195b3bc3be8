use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of place an address is, as far as the egress guard cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressKind {
    /// Reachable by everyone on the internet.
    Public,
    /// Reaches only the neighbours on the same link, and on cloud machines their metadata service.
    LinkLocal,
    /// A metadata or platform service of a cloud provider outside the link-local range.
    CloudMetadata,
    /// This machine.
    Loopback,
    /// A private network: RFC 1918, unique local IPv6, a NAT64 prefix of local use.
    Private,
    /// The carrier-grade NAT range `100.64.0.0/10`.
    CarrierNat,
    /// `0.0.0.0/8` and `::`, which many systems take for this machine.
    Unspecified,
    /// A group of receivers.
    Multicast,
    /// Set aside by IANA for documentation, tests or later.
    Reserved,
}

impl AddressKind {
    /// What `address` is. IPv6 forms that carry an IPv4 address count as that address, because a
    /// packet to them ends up there.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => of_v4(v4),
            IpAddr::V6(v6) => of_v6(v6),
        }
    }

    /// Whether no policy lets anyone call such an address: that is where clouds keep the
    /// credentials of the machine.
    #[must_use]
    pub const fn is_never_allowed(self) -> bool {
        matches!(self, Self::LinkLocal | Self::CloudMetadata)
    }
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::LinkLocal => "link-local",
            Self::CloudMetadata => "cloud metadata",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::CarrierNat => "carrier-grade NAT",
            Self::Unspecified => "unspecified",
            Self::Multicast => "multicast",
            Self::Reserved => "reserved",
        })
    }
}

/// Ranges of the IANA IPv4 special-purpose registry, plus addresses cloud providers document.
fn of_v4(address: Ipv4Addr) -> AddressKind {
    match address.octets() {
        // Alibaba Cloud, Azure's platform channel and Oracle Cloud, in this order.
        [100, 100, 100, 200] | [168, 63, 129, 16] | [192, 0, 0, 192] => AddressKind::CloudMetadata,
        [169, 254, ..] => AddressKind::LinkLocal,
        [127, ..] => AddressKind::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => AddressKind::Private,
        [100, 64..=127, ..] => AddressKind::CarrierNat,
        [0, ..] => AddressKind::Unspecified,
        [224..=239, ..] => AddressKind::Multicast,
        [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18..=19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [240..=255, ..] => AddressKind::Reserved,
        _ => AddressKind::Public,
    }
}

/// Ranges of the IANA IPv6 special-purpose registry; only `2000::/3` is given out to the public.
fn of_v6(address: Ipv6Addr) -> AddressKind {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => AddressKind::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => AddressKind::Loopback,
        // The network of Amazon's instance services, and the one address of Google's.
        [0xfd00, 0x0ec2, ..] | [0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254] => {
            AddressKind::CloudMetadata
        }
        [0xfe80..=0xfebf, ..] => AddressKind::LinkLocal,
        [0x0064, 0xff9b, 0x0001, ..] => of_local_nat64(address),
        // RFC 4291 compatible and mapped, RFC 2765 translated, RFC 6052 NAT64.
        [0, 0, 0, 0, 0, 0 | 0xffff, ..]
        | [0, 0, 0, 0, 0xffff, 0, ..]
        | [0x0064, 0xff9b, 0, 0, 0, 0, ..] => of_v4(carried(address, [12, 13, 14, 15])),
        // RFC 3056 6to4.
        [0x2002, ..] => of_v4(carried(address, [2, 3, 4, 5])),
        // RFC 4380 Teredo keeps the client's address inverted.
        [0x2001, 0, ..] => {
            of_v4(Ipv4Addr::from_bits(!carried(address, [12, 13, 14, 15]).to_bits()))
        }
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => AddressKind::Private,
        [0xff00..=0xffff, ..] => AddressKind::Multicast,
        [0x2001, 0..=0x01ff | 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => AddressKind::Reserved,
        [0x2000..=0x3fff, ..] => AddressKind::Public,
        _ => AddressKind::Reserved,
    }
}

/// The prefix length of a local NAT64 is its owner's choice, so every layout of RFC 6052 that fits
/// into `64:ff9b:1::/48` is looked at.
fn of_local_nat64(address: Ipv6Addr) -> AddressKind {
    [[6, 7, 9, 10], [7, 9, 10, 11], [9, 10, 11, 12], [12, 13, 14, 15]]
        .into_iter()
        .map(|places| of_v4(carried(address, places)))
        .find(|kind| kind.is_never_allowed())
        .unwrap_or(AddressKind::Private)
}

fn carried(address: Ipv6Addr, places: [usize; 4]) -> Ipv4Addr {
    let octets = address.octets();
    Ipv4Addr::from(places.map(|place| octets[place]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(address: &str) -> AddressKind {
        AddressKind::of(address.parse().unwrap())
    }

    #[test]
    fn every_special_ipv4_range_is_known() {
        for (address, expected) in [
            ("8.8.8.8", AddressKind::Public),
            ("172.15.255.255", AddressKind::Public),
            ("172.32.0.0", AddressKind::Public),
            ("100.63.255.255", AddressKind::Public),
            ("169.254.169.254", AddressKind::LinkLocal),
            ("169.254.0.1", AddressKind::LinkLocal),
            ("100.100.100.200", AddressKind::CloudMetadata),
            ("168.63.129.16", AddressKind::CloudMetadata),
            ("192.0.0.192", AddressKind::CloudMetadata),
            ("127.0.0.1", AddressKind::Loopback),
            ("127.255.0.9", AddressKind::Loopback),
            ("10.1.2.3", AddressKind::Private),
            ("172.16.0.1", AddressKind::Private),
            ("172.31.255.255", AddressKind::Private),
            ("192.168.0.10", AddressKind::Private),
            ("100.64.0.1", AddressKind::CarrierNat),
            ("100.127.255.255", AddressKind::CarrierNat),
            ("0.0.0.0", AddressKind::Unspecified),
            ("0.1.2.3", AddressKind::Unspecified),
            ("224.0.0.1", AddressKind::Multicast),
            ("239.255.255.255", AddressKind::Multicast),
            ("192.0.0.8", AddressKind::Reserved),
            ("192.0.2.1", AddressKind::Reserved),
            ("198.18.0.1", AddressKind::Reserved),
            ("198.51.100.7", AddressKind::Reserved),
            ("203.0.113.7", AddressKind::Reserved),
            ("240.0.0.1", AddressKind::Reserved),
            ("255.255.255.255", AddressKind::Reserved),
        ] {
            assert_eq!(kind(address), expected, "{address}");
        }
    }

    #[test]
    fn every_special_ipv6_range_is_known() {
        for (address, expected) in [
            ("2606:4700:4700::1111", AddressKind::Public),
            ("2a00:1450:4001:81b::200e", AddressKind::Public),
            ("::", AddressKind::Unspecified),
            ("::1", AddressKind::Loopback),
            ("fe80::1", AddressKind::LinkLocal),
            ("febf::1", AddressKind::LinkLocal),
            ("fd00:ec2::254", AddressKind::CloudMetadata),
            ("fd00:ec2::23", AddressKind::CloudMetadata),
            ("fd20:ce::254", AddressKind::CloudMetadata),
            ("fd12:3456::1", AddressKind::Private),
            ("fc00::1", AddressKind::Private),
            ("fec0::1", AddressKind::Private),
            ("ff02::1", AddressKind::Multicast),
            ("2001:db8::1", AddressKind::Reserved),
            ("2001:20::1", AddressKind::Reserved),
            ("3fff::1", AddressKind::Reserved),
            ("100::1", AddressKind::Reserved),
            ("4000::1", AddressKind::Reserved),
        ] {
            assert_eq!(kind(address), expected, "{address}");
        }
    }

    #[test]
    fn an_ipv4_address_inside_an_ipv6_one_is_judged_as_itself() {
        for (address, expected) in [
            ("::ffff:169.254.169.254", AddressKind::LinkLocal),
            ("::169.254.169.254", AddressKind::LinkLocal),
            ("::ffff:0:169.254.169.254", AddressKind::LinkLocal),
            ("64:ff9b::169.254.169.254", AddressKind::LinkLocal),
            ("64:ff9b::100.100.100.200", AddressKind::CloudMetadata),
            ("64:ff9b::8.8.8.8", AddressKind::Public),
            ("64:ff9b:1::169.254.169.254", AddressKind::LinkLocal),
            ("64:ff9b:1:a9fe:a9:fe00::", AddressKind::LinkLocal),
            ("64:ff9b:1::8.8.8.8", AddressKind::Private),
            ("::ffff:127.0.0.1", AddressKind::Loopback),
            ("::ffff:10.0.0.1", AddressKind::Private),
            ("::ffff:8.8.8.8", AddressKind::Public),
            ("2002:a9fe:a9fe::1", AddressKind::LinkLocal),
            ("2002:0808:0808::1", AddressKind::Public),
            ("2001:0:4136:e378:8000:63bf:5601:5601", AddressKind::LinkLocal),
        ] {
            assert_eq!(kind(address), expected, "{address}");
        }
    }
}
