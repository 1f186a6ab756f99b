//! Refuses requests that come too often.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use http::{HeaderMap, HeaderName};

use crate::ports::RateLimiter;
use crate::problem::Problem;
use crate::secret::the_only;

/// The address of the client that sent a request. Cloudflare sets this header, and nobody else can. A call over a service
/// binding has none, unless the calling Worker passes its own request's on.
pub const CLIENT_ADDRESS: HeaderName = HeaderName::from_static("cf-connecting-ip");
/// The zone of the Worker that sent a request with `fetch`. Only requests from [`WORKERS_ADDRESS`] are sure to have this
/// header from Cloudflare.
pub const CLIENT_WORKER: HeaderName = HeaderName::from_static("cf-worker");

/// The address from which all Workers of other Cloudflare customers send their requests
/// (<https://developers.cloudflare.com/workers/runtime-apis/headers/>).
const WORKERS_ADDRESS: Ipv6Addr = Ipv6Addr::new(0x2a06, 0x98c0, 0x3600, 0, 0, 0, 0, 0x103);
/// The longest name of a zone.
const LONGEST_ZONE: usize = 253;

/// A limit on requests by key.
///
/// Cloudflare counts each key by location, roughly, over 10 or 60 seconds, and has no way to ask without counting.
#[derive(Clone)]
pub struct RateLimit(Arc<dyn RateLimiter>);

impl RateLimit {
    /// The limit that this limiter keeps.
    pub fn new(limiter: Arc<impl RateLimiter + 'static>) -> Self {
        Self(limiter)
    }

    /// Counts one more request of `key`.
    ///
    /// # Errors
    /// 429 if that is one too many.
    pub async fn count(&self, key: &str) -> Result<(), Problem> {
        if self.0.allows(key).await { Ok(()) } else { Err(Problem::too_many_requests()) }
    }

    /// Counts a failure of the client with these headers. Returns `failure`, or 429 if the client has had too many.
    pub async fn failure(&self, headers: &HeaderMap, failure: Problem) -> Problem {
        self.count(&client(headers)).await.err().unwrap_or(failure)
    }
}

/// The name under which a client's failures are counted: its address, and of an IPv6 address the first 64 bits, because
/// whoever has one such address has the whole network. The Workers of other Cloudflare customers share one address, and
/// count by their zone. Clients without a readable address count as one.
pub fn client(headers: &HeaderMap) -> String {
    let text = |name| the_only(headers, name).and_then(|value| std::str::from_utf8(value).ok());
    if !headers.contains_key(CLIENT_ADDRESS) {
        return "no address".to_owned();
    }
    match text(&CLIENT_ADDRESS).and_then(|address| address.trim().parse().ok()) {
        None => "unreadable address".to_owned(),
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => {
            let zone = text(&CLIENT_WORKER).filter(|zone| !zone.is_empty() && zone.len() <= LONGEST_ZONE);
            match (address.to_ipv4_mapped(), zone) {
                (Some(address), _) => address.to_string(),
                (None, Some(zone)) if address == WORKERS_ADDRESS => {
                    format!("Workers of {}", zone.to_ascii_lowercase())
                }
                (None, _) => {
                    let [first, second, third, fourth, ..] = address.segments();
                    format!("{first:x}:{second:x}:{third:x}:{fourth:x}::/64")
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client_with(headers: &[(HeaderName, &str)]) -> String {
        client(&headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect())
    }

    #[test]
    fn an_ipv6_network_counts_as_one_client() {
        for (address, name) in [
            ("203.0.113.7", "203.0.113.7"),
            (" 203.0.113.7 ", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:DB8:1:2::9", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(client_with(&[(CLIENT_ADDRESS, address)]), name);
        }
    }

    #[test]
    fn clients_without_a_readable_address_count_too() {
        assert_eq!(client_with(&[]), "no address");
        for address in ["", "here", "203.0.113.7, 203.0.113.8", "203.0.113.7:443", "[2001:db8::1]"] {
            assert_eq!(client_with(&[(CLIENT_ADDRESS, address)]), "unreadable address", "{address:?}");
        }
        let twice = [(CLIENT_ADDRESS, "203.0.113.7"), (CLIENT_ADDRESS, "203.0.113.8")];
        assert_eq!(client_with(&twice), "unreadable address");
    }

    #[test]
    fn workers_of_other_customers_count_by_their_zone() {
        let of_zone = |address, zone| client_with(&[(CLIENT_ADDRESS, address), (CLIENT_WORKER, zone)]);
        assert_eq!(of_zone("2a06:98c0:3600::103", "Partner.example"), "Workers of partner.example");
        assert_eq!(of_zone("2a06:98c0:3600::103", "other.example"), "Workers of other.example");
        // From any other address, anybody may have written the header.
        assert_eq!(of_zone("2a06:98c0:3600::104", "partner.example"), "2a06:98c0:3600:0::/64");
        assert_eq!(of_zone("203.0.113.7", "partner.example"), "203.0.113.7");
        for no_zone in ["", &"a".repeat(254)] {
            assert_eq!(of_zone("2a06:98c0:3600::103", no_zone), "2a06:98c0:3600:0::/64");
        }
    }
}
