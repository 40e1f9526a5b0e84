//! Where a request comes from: the peer's address or, behind proxies that are known, the address that they name.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::X_FORWARDED_FOR;
use ipnet::IpNet;

/// Networks whose `X-Forwarded-For` is believed. From anywhere else the header is just text that somebody sent.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// `10.0.0.0/8` or `192.0.2.7`.
    pub fn network(text: &str) -> Option<IpNet> {
        text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
    }

    /// The client's address.
    pub(super) fn origin(&self, request: &HttpRequest) -> String {
        let Some(peer) = request.peer_addr() else { return "unknown".to_owned() };
        let headers = request.headers().get_all(X_FORWARDED_FOR).filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = headers.flat_map(|value| value.split(',')).collect();
        self.client(peer.ip(), &hops).to_string()
    }

    /// Each proxy adds whom it was called by: the nearest that is no proxy of ours is the client.
    fn client(&self, peer: IpAddr, hops: &[&str]) -> IpAddr {
        let mut client = peer.to_canonical();
        for hop in hops.iter().rev() {
            match hop.trim().parse::<IpAddr>() {
                Ok(named) if self.trusts(client) => client = named.to_canonical(),
                _ => break,
            }
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromIterator<IpNet> for TrustedProxies {
    fn from_iter<I: IntoIterator<Item = IpNet>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_proxies_of_ours_are_believed() {
        let trusted: TrustedProxies = ["10.0.0.0/8", "::1"].into_iter().filter_map(TrustedProxies::network).collect();
        for (peer, hops, client) in [
            ("192.0.2.7", &[][..], "192.0.2.7"),
            ("192.0.2.7", &["203.0.113.9"], "192.0.2.7"),
            ("10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1", " 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1", "203.0.113.9", "10.2.3.4"], "203.0.113.9"),
            ("10.0.0.1", &["203.0.113.9", "nonsense"], "10.0.0.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("::ffff:10.0.0.1", &["2001:db8::1"], "2001:db8::1"),
            ("::1", &["203.0.113.9"], "203.0.113.9"),
        ] {
            assert_eq!(trusted.client(peer.parse().unwrap(), hops).to_string(), client, "{peer} {hops:?}");
        }
        assert_eq!(
            TrustedProxies::default().client("10.0.0.1".parse().unwrap(), &["203.0.113.9"]).to_string(),
            "10.0.0.1"
        );
        assert!(TrustedProxies::network("10.0.0.0/40").is_none());
    }
}
