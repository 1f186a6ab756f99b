//! Which host names are in the public DNS, told from the name alone.

use self::suffixes::{SuffixMatch, Suffixes};
use super::url::UrlFault;
use super::words::any;

mod suffixes;

/// The longest name and label that the DNS can carry (RFC 1035 §2.3.4), in bytes.
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// Names that are not in the public DNS, or where no partner's endpoint can be. Each stands for itself and
/// all below.
const NOT_PUBLIC: &[&str] = &[
    // The IANA registry of special-use names (RFC 6761, 6762, 7686, 9476). `arpa` as a whole: it holds
    // reverse zones and `home.arpa` (RFC 8375). Of the documentation names only the top-level `example`;
    // example.com exists.
    "alt arpa example invalid local localhost onion test",
    // Reserved or withheld by ICANN for private networks: `internal` (2024), `corp`, `home` and `mail`
    // (2018).
    "corp home internal mail",
    // In use in private networks: RFC 6762 appendix G, and the default names of routers and resolvers.
    "intranet lan localdomain private",
    // Public names whose addresses are loopback, or spelled in the name itself: IP literals in one more
    // spelling.
    "1u.ms backname.io bugbounty.dod.network ddev.site docksal.site fuf.me godnslog.com lacolhost.com lcl.host \
     lndo.site local-ip.co local-ip.sh local.gd localdev.me localh.st localho.st localhost.direct localhost.tv \
     localhst.co.uk localtest.me lvh.me nip.io rbndr.us rebind.it smackaho.st spoofed.burpcollaborator.net sslip.io \
     traefik.me vcap.me xip.io xip.name",
    // A public name that routers take for themselves.
    "fritz.box",
    // What clouds call their metadata service beside an address.
    "metadata.cloud.ibm.com metadata.goog metadata.packet.net metadata.platformequinix.com metadata.tencentyun.com",
];

/// Checks that `name` (lower-case ASCII, after IDNA) is a host name: labels of 1 to 63 letters, digits and
/// hyphens, no hyphen at either end (RFC 952, RFC 1123 §2.1), 253 characters at most. A trailing dot is
/// refused: it is another spelling of the same host, which certificates and virtual hosts seldom know.
pub(super) fn check_syntax(name: &str) -> Result<(), UrlFault> {
    let is_label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() <= MAX_NAME && name.split('.').all(is_label) { Ok(()) } else { Err(UrlFault::HostName) }
}

/// Checks that `name`, which passed [`check_syntax`], is public and not ours.
pub(super) fn check_public(name: &str, own_zones: &[&str]) -> Result<(), UrlFault> {
    let Some((_, top)) = name.rsplit_once('.') else {
        return Err(UrlFault::PrivateHost(name.to_owned()));
    };
    // Top-level domains in ASCII hold letters alone (RFC 3696 §2), so a last label that a resolver might read as a number, in
    // whatever base, is none. Of those in punycode, the list below has all that there are.
    let is_top =
        top.starts_with("xn--") || (top.len() >= 2 && top.bytes().all(|byte| byte.is_ascii_alphabetic()));
    if !is_top {
        return Err(UrlFault::IpAddress);
    }
    if own_zones.iter().any(|zone| is_within(name, zone)) {
        return Err(UrlFault::OwnZone);
    }
    if any(NOT_PUBLIC, &|zone| is_within(name, zone)) || spells_private_address(name) {
        return Err(UrlFault::PrivateHost(name.to_owned()));
    }
    match Suffixes::PUBLIC.place_of(name) {
        SuffixMatch::Below => Ok(()),
        SuffixMatch::Suffix => Err(UrlFault::PublicSuffix(name.to_owned())),
        SuffixMatch::Unknown => Err(UrlFault::PrivateHost(name.to_owned())),
    }
}

/// Whether a name spells an address that is not public, in four numbers with dots or hyphens between: there are services
/// without end that resolve such a name to the address.
fn spells_private_address(name: &str) -> bool {
    let mut last = [None; 4];
    name.split(['.', '-']).any(|part| {
        last = [last[1], last[2], last[3], part.parse::<u8>().ok()];
        match last {
            [Some(first), Some(second), Some(third), Some(_)] => match (first, second, third) {
                (0 | 10 | 127 | 224.., ..) | (169, 254, _) | (192, 168, _) | (192, 0, 0) => true,
                (100, second, _) => second & 0xc0 == 64,
                (172, second, _) => second & 0xf0 == 16,
                (198, second, _) => second & 0xfe == 18,
                _ => false,
            },
            _ => false,
        }
    })
}

/// Whether `name` is `zone` or below it.
fn is_within(name: &str, zone: &str) -> bool {
    name.strip_suffix(zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
