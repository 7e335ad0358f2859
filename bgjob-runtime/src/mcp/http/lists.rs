//! Which `Host` and `Origin` headers are let in. A page of another site can make a browser send
//! requests here; it cannot choose these two headers, so they tell such requests apart (DNS rebinding,
//! cross-site requests).

use std::net::{IpAddr, SocketAddr};

use http::uri::{Authority, Uri};

/// A list of hosts, and one of origins.
#[derive(Clone, Debug, Default)]
pub struct AllowLists {
    hosts: Vec<Host>,
    origins: Vec<Origin>,
}

/// A host name or address, with a port where only that one will do.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Host {
    name: String,
    port: Option<u16>,
}

/// An origin of RFC 6454.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    /// What browsers send for pages without an origin, such as local files.
    Null,
    /// Scheme, host, and a port where only that one will do.
    Site { scheme: String, host: Host },
}

impl AllowLists {
    /// This machine's own names, and what is added.
    ///
    /// # Errors
    /// One sentence about an entry that is no host or no origin.
    pub fn new(hosts: &[String], origins: &[String]) -> Result<Self, String> {
        let hosts = hosts.iter().map(|text| {
            parse_host(text).ok_or_else(|| {
                format!("`{text}` is no host: give a name or an address, as in example.org or example.org:8443")
            })
        });
        let origins = origins.iter().map(|text| {
            parse_origin(text, false).ok_or_else(|| {
                format!("`{text}` is no origin: give scheme, host and port, as in https://example.org or http://localhost:6274")
            })
        });
        Ok(AllowLists {
            hosts: hosts.collect::<Result<_, _>>()?,
            origins: origins.collect::<Result<_, _>>()?,
        })
    }

    /// Whether a request to this `Host`, which came in at the address `local`, is let in. The address
    /// itself is: a page cannot make a browser write it without having been loaded from it.
    pub fn allows_host(&self, text: &str, local: SocketAddr) -> bool {
        let Some(host) = parse_host(text) else {
            return false;
        };
        let address = host.name.parse::<IpAddr>().ok();
        is_this_machine(&host.name)
            || address.is_some_and(|address| address == local.ip().to_canonical())
            || self.hosts.iter().any(|allowed| allowed.covers(&host))
    }

    /// Whether a request from this `Origin` is let in.
    pub fn allows_origin(&self, text: &str) -> bool {
        match parse_origin(text, true) {
            None => false,
            Some(Origin::Site { scheme, host })
                if ["http", "https"].contains(&&*scheme) && is_this_machine(&host.name) =>
            {
                true
            }
            Some(origin) => self.origins.iter().any(|allowed| allowed.covers(&origin)),
        }
    }
}

impl Host {
    fn covers(&self, other: &Host) -> bool {
        self.name == other.name && (self.port.is_none() || self.port == other.port)
    }
}

impl Origin {
    fn covers(&self, other: &Origin) -> bool {
        match (self, other) {
            (Origin::Null, Origin::Null) => true,
            (
                Origin::Site { scheme, host },
                Origin::Site {
                    scheme: theirs,
                    host: their,
                },
            ) => scheme == theirs && host == their,
            _ => false,
        }
    }
}

/// `localhost`, or an address that reaches no further than this machine.
fn is_this_machine(name: &str) -> bool {
    name == "localhost"
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

fn parse_host(text: &str) -> Option<Host> {
    let authority: Authority = text.parse().ok()?;
    if text.contains('@') {
        return None;
    }
    let port = match authority.as_str().strip_prefix(authority.host())? {
        "" => None,
        port => Some(port.strip_prefix(':')?.parse().ok()?),
    };
    Some(Host {
        name: normal(authority.host())?,
        port,
    })
}

/// Lower case, without brackets and the root's dot; addresses in one form.
fn normal(host: &str) -> Option<String> {
    let bare = host
        .strip_prefix('[')
        .map_or(host, |rest| rest.strip_suffix(']').unwrap_or(rest));
    let name = bare.strip_suffix('.').unwrap_or(bare).to_ascii_lowercase();
    match name.parse::<IpAddr>() {
        Ok(address) => Some(address.to_canonical().to_string()),
        Err(_) => (!name.is_empty()).then_some(name),
    }
}

/// The port that a scheme stands for is written out, so that both ways to write an origin are one.
fn parse_origin(text: &str, strict: bool) -> Option<Origin> {
    if text.eq_ignore_ascii_case("null") {
        return (!strict || text == "null").then_some(Origin::Null);
    }
    let text = if strict {
        text
    } else {
        text.trim_end_matches('/')
    };
    let uri: Uri = text.parse().ok()?;
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let authority = uri.authority()?;
    // Nothing but scheme and authority: a path, a query or a user name is no origin.
    if text.len() != scheme.len() + "://".len() + authority.as_str().len() {
        return None;
    }
    let mut host = parse_host(authority.as_str())?;
    host.port = host.port.or(match &*scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    });
    Some(Origin::Site { scheme, host })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: SocketAddr =
        SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7)), 8000);

    fn lists(hosts: &[&str], origins: &[&str]) -> AllowLists {
        let owned = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>()
        };
        AllowLists::new(&owned(hosts), &owned(origins)).unwrap()
    }

    #[test]
    fn this_machine_is_always_let_in_and_nobody_else() {
        let lists = lists(&[], &[]);
        for host in [
            "localhost",
            "LOCALHOST:8000",
            "localhost.",
            "127.0.0.1",
            "127.8.9.1:80",
            "[::1]",
            "[::1]:8000",
            "[::ffff:127.0.0.1]:1",
            "192.0.2.7:8000",
        ] {
            assert!(lists.allows_host(host, HERE), "{host}");
        }
        for host in [
            "",
            "example.org",
            "localhost.example.org",
            "127.0.0.1.example.org",
            "192.0.2.8",
            "0.0.0.0",
            "[::]",
            "[2001:db8::1]",
            "user@localhost",
            "localhost:port",
            "localhost:70000",
            "localhost/x",
            "local host",
            "2130706433",
            "0x7f.1",
        ] {
            assert!(!lists.allows_host(host, HERE), "{host}");
        }
    }

    #[test]
    fn added_hosts_bind_their_port_if_they_name_one() {
        let lists = lists(&["Example.org", "jobs.example.com:8443"], &[]);
        for host in [
            "example.org",
            "EXAMPLE.ORG:1",
            "example.org.",
            "jobs.example.com:8443",
        ] {
            assert!(lists.allows_host(host, HERE), "{host}");
        }
        for host in [
            "jobs.example.com",
            "jobs.example.com:443",
            "www.example.org",
        ] {
            assert!(!lists.allows_host(host, HERE), "{host}");
        }
    }

    #[test]
    fn origins_of_this_machine_are_let_in_with_any_port() {
        let lists = lists(&[], &[]);
        for origin in [
            "http://localhost",
            "http://localhost:6274",
            "https://127.0.0.1:1",
            "http://[::1]:3000",
        ] {
            assert!(lists.allows_origin(origin), "{origin}");
        }
        for origin in [
            "",
            "null",
            "NULL",
            "http://example.org",
            "http://localhost.example.org",
            "http://localhost/",
            "http://localhost:80/x",
            "http://user@localhost",
            "localhost",
            "file://localhost",
            "http://localhost:port",
            "http://",
            "http://localhost?x",
            "http://localhost http://example.org",
        ] {
            assert!(!lists.allows_origin(origin), "{origin}");
        }
    }

    #[test]
    fn added_origins_are_scheme_host_and_port() {
        let lists = lists(
            &[],
            &["https://example.org/", "http://lab.example:6274", "null"],
        );
        for origin in [
            "https://example.org",
            "https://example.org:443",
            "HTTPS://EXAMPLE.org",
            "null",
            "http://lab.example:6274",
        ] {
            assert!(lists.allows_origin(origin), "{origin}");
        }
        for origin in [
            "http://example.org",
            "https://example.org:8443",
            "http://lab.example",
            "Null",
        ] {
            assert!(!lists.allows_origin(origin), "{origin}");
        }
    }

    #[test]
    fn what_is_no_entry_is_refused_in_a_sentence() {
        for (hosts, origins) in [
            (vec!["http://example.org".to_owned()], vec![]),
            (vec!["*".repeat(3) + "/"], vec![]),
            (vec![], vec!["example.org".to_owned()]),
            (vec![], vec!["https://example.org/path".to_owned()]),
        ] {
            assert!(
                AllowLists::new(&hosts, &origins)
                    .unwrap_err()
                    .contains(" is no ")
            );
        }
    }
}
