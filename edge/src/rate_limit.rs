//! Refuses requests that come too often.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName};

use crate::ports::RateLimiter;
use crate::problem::Problem;
use crate::secret::the_only;

/// The address of the client that sent a request. Cloudflare sets this header, and nobody else can. A call over a service
/// binding has none, unless the calling Worker passes its own request's on.
pub const CLIENT_ADDRESS: HeaderName = HeaderName::from_static("cf-connecting-ip");

/// A limit on requests by key; without a limiter, every request is allowed.
#[derive(Clone, Default)]
pub struct RateLimit(Option<Arc<dyn RateLimiter>>);

impl RateLimit {
    /// The limit that this limiter keeps, if there is one.
    pub fn new(limiter: Option<Arc<impl RateLimiter + 'static>>) -> Self {
        Self(limiter.map(|limiter| limiter as Arc<dyn RateLimiter>))
    }

    /// Counts one more request of `key`.
    ///
    /// # Errors
    /// 429 if that is one too many.
    pub async fn count(&self, key: &str) -> Result<(), Problem> {
        match &self.0 {
            Some(limiter) if !limiter.allows(key).await => Err(Problem::too_many_requests()),
            _ => Ok(()),
        }
    }
}

/// The part of a client's address that counts as one client: of IPv6 the first 64 bits, because whoever has one such
/// address has the whole network. `None` if there is no address.
pub fn client_network(headers: &HeaderMap) -> Option<String> {
    let address = std::str::from_utf8(the_only(headers, &CLIENT_ADDRESS)?).ok()?;
    Some(match address.parse().ok()? {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => address.to_string(),
            None => {
                let [first, second, third, fourth, ..] = address.segments();
                format!("{first:x}:{second:x}:{third:x}:{fourth:x}::/64")
            }
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network_of(addresses: &[&str]) -> Option<String> {
        let headers = addresses.iter().map(|address| (CLIENT_ADDRESS, address.parse().unwrap()));
        client_network(&headers.collect())
    }

    #[test]
    fn an_ipv6_network_counts_as_one_client() {
        for (address, network) in [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:DB8:1:2::9", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(network_of(&[address]).as_deref(), Some(network));
        }
    }

    #[test]
    fn what_is_no_address_is_none() {
        for addresses in [&[][..], &[""], &["here"], &["203.0.113.7, 203.0.113.8"]] {
            assert_eq!(network_of(addresses), None, "{addresses:?}");
        }
        assert_eq!(network_of(&["203.0.113.7", "203.0.113.8"]), None);
    }
}
