//! Which addresses requests may go to that users word themselves: what must not be reached through us is refused.
//!
//! Refused are loopback, link-local and unspecified addresses, multicast, and where clouds tell machines their secrets;
//! also when they are written as IPv6. An operator opens and closes networks; the narrowest network that has an address
//! decides, of two equal ones the closed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use ipnet::IpNet;

/// What is refused where nobody has said anything, and why.
const REFUSED: &[(&str, &str)] = &[
    ("0.0.0.0/8", "unspecified"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("100.100.100.200/32", "a cloud's metadata"),
    ("168.63.129.16/32", "a cloud's metadata"),
    ("192.0.0.192/32", "a cloud's metadata"),
    ("224.0.0.0/4", "multicast"),
    ("255.255.255.255/32", "broadcast"),
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("fe80::/10", "link-local"),
    ("fd00:ec2::254/128", "a cloud's metadata"),
    // Not metadata alone: credentials for pods.
    ("fd00:ec2::23/128", "a cloud's metadata"),
    ("fd00:c1::a9fe:a9fe/128", "a cloud's metadata"),
    ("fd00:42::42/128", "a cloud's metadata"),
    ("fd00:a9fe:a9fe::1/128", "a cloud's metadata"),
    ("fd00:100::100:200/128", "a cloud's metadata"),
    ("fd20:ce::254/128", "a cloud's metadata"),
    ("ff00::/8", "multicast"),
];

/// Which addresses may be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Egress {
    open: Vec<IpNet>,
    closed: Vec<IpNet>,
}

/// An address that may not be reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address} may not be reached: it is {why}; an operator can open it with --egress-open")]
pub struct Refused {
    address: IpAddr,
    why: &'static str,
}

impl Egress {
    /// With networks that are open although they would be refused, and such that are closed.
    pub fn new(open: Vec<IpNet>, closed: Vec<IpNet>) -> Self {
        Self { open, closed }
    }

    /// With loopback open: for who is alone on a machine.
    #[must_use]
    pub fn with_loopback(mut self) -> Self {
        self.open.extend(["127.0.0.0/8", "::1/128"].iter().filter_map(|net| net.parse::<IpNet>().ok()));
        self
    }

    /// Whether an address may be reached.
    pub fn permits(&self, address: IpAddr) -> Result<(), Refused> {
        let meant = plain(address);
        let narrowest = |nets: &[IpNet]| {
            nets.iter()
                .filter(|net| net.contains(&meant))
                .map(|net| i16::from(net.prefix_len()))
                .max()
                .unwrap_or(-1)
        };
        let built_in =
            REFUSED.iter().find(|(net, _)| net.parse::<IpNet>().is_ok_and(|net| net.contains(&meant)));
        let (open, closed) = (narrowest(&self.open), narrowest(&self.closed));
        let why = match built_in {
            _ if closed >= 0 && closed >= open => "closed by the operator",
            Some((_, why)) if open < 0 => why,
            _ => return Ok(()),
        };
        Err(Refused { address, why })
    }
}

/// The IPv4 address that an IPv6 one stands for, where it does.
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    embedded(v6).map_or(address, IpAddr::V4)
}

fn embedded(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let octets = v6.octets();
    let last: [u8; 4] = octets.get(12..)?.try_into().ok()?;
    match v6.segments() {
        // Mapped, translated, NAT64 of everybody and of one network, ISATAP, and the old compatible form, which ::1
        // and :: are not.
        [0, 0, 0, 0, 0, 0xffff, ..]
        | [0, 0, 0, 0, 0xffff, 0, ..]
        | [0x64, 0xff9b, 0, 0, 0, 0, ..]
        | [0x64, 0xff9b, 1, ..]
        | [_, _, _, _, 0 | 0x200, 0x5efe, ..] => Some(last.into()),
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => Some(last.into()),
        // 6to4 has it at the front.
        [0x2002, ..] => {
            let first: [u8; 4] = octets.get(2..6)?.try_into().ok()?;
            Some(first.into())
        }
        // Teredo has it turned over.
        [0x2001, 0, ..] => Some(last.map(|octet| !octet).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    fn permits(egress: &Egress, address: &str) -> bool {
        egress.permits(address.parse().unwrap()).is_ok()
    }

    #[test]
    fn what_is_refused_by_itself() {
        let egress = Egress::default();
        for address in [
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "169.254.169.254",
            "100.100.100.200",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "::127.0.0.1",
            "64:ff9b:1::a9fe:a9fe",
            "::ffff:0:169.254.169.254",
            "::ffff:0:127.0.0.1",
            "2001:0:1:2:3:4:5601:5601",
            "fe00::5efe:a9fe:a9fe",
            "2606:4700::200:5efe:7f00:1",
            "fd00:c1::a9fe:a9fe",
            "fd00:42::42",
            "fd00:ec2::23",
        ] {
            assert!(!permits(&egress, address), "{address}");
        }
        for address in [
            "10.0.0.1",
            "192.168.1.1",
            "172.16.0.1",
            "1.1.1.1",
            "fd12::1",
            "2606:4700::1111",
            "::ffff:10.0.0.1",
            "2001:0:1:2:3:4:f5ff:fffe",
            "2001:db8::a9fe:a9fe",
        ] {
            assert!(permits(&egress, address), "{address}");
        }
    }

    #[test]
    fn an_operator_opens_and_closes() {
        let egress = Egress::new(
            vec![net("127.0.0.0/8"), net("10.1.0.0/16")],
            vec![net("10.0.0.0/8"), net("127.0.0.9/32")],
        );
        for (address, open) in [
            ("127.0.0.1", true),
            ("127.0.0.9", false),
            ("10.2.0.1", false),
            ("10.1.2.3", true),
            ("169.254.1.1", false),
            ("::1", false),
            ("::ffff:127.0.0.1", true),
        ] {
            assert_eq!(permits(&egress, address), open, "{address}");
        }
        assert!(permits(&Egress::default().with_loopback(), "::1"));
        let why = Egress::default().permits("127.0.0.1".parse().unwrap()).unwrap_err().to_string();
        assert!(why.contains("127.0.0.1 may not be reached: it is loopback"), "{why}");
    }
}
