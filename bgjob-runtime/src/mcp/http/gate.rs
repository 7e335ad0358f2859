//! The way of one request: where it goes, whether it may, whose it is; only then is its body read.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, HOST, HeaderName, HeaderValue, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use rmcp::RoleServer;
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::task::spawn_blocking;

use super::body::Bodies;
use super::cors;
use super::lists::AllowLists;
use super::options::{Authenticate, HttpOptions};
use super::tokens::Tokens;
use crate::error::Result;
use crate::job::request::Owner;
use crate::mcp::jobs::Jobs;
use crate::mcp::server::{Server, answer_panics};
use crate::mcp::transport::{Glance, Limits};
use crate::service::JobService;

/// Where MCP is.
pub const PATH: &str = "/mcp";
const HEALTH: &str = "/healthz";
/// What a client sends about itself is small; hyper's own bound lets a large read through.
const HEAD_BYTES: usize = 32 << 10;
/// Requests of one user at once; waits are such.
const MOST_AT_ONCE: u32 = 64;

pub type Answer = Response<BoxBody<Bytes, Infallible>>;

/// What every request passes.
pub struct Gate {
    lists: AllowLists,
    who: Arc<dyn Authenticate>,
    bodies: Bodies,
    values: u64,
    challenge: HeaderValue,
    mcp: StreamableHttpService<Server, NeverSessionManager>,
    service: Arc<JobService>,
    busy: Arc<Busy>,
}

/// The authenticated user, in a request's extensions.
#[derive(Clone)]
struct Subject(Owner);

/// `jobs` for the user that the gate found.
pub fn owned(jobs: Jobs) -> Jobs {
    jobs.owned_by(|context: &RequestContext<RoleServer>| {
        let parts = context.extensions.get::<Parts>()?;
        let Subject(owner) = parts.extensions.get::<Subject>()?;
        Some(owner.clone())
    })
}

impl Gate {
    /// The gate before `server`.
    ///
    /// # Errors
    /// `invalid_argument` when a list has a bad entry.
    pub fn new(
        options: &HttpOptions,
        tokens: Tokens,
        limits: Limits,
        server: Server,
        service: Arc<JobService>,
    ) -> Result<Self> {
        // Every request stands alone: no session to keep, to steal or to lose with the server. Hosts and
        // origins are checked here, before anything else is.
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .disable_allowed_hosts()
            .with_max_request_body_bytes(options.max_body);
        let realm: String = service
            .server()
            .0
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        let challenge = format!("Bearer realm=\"{realm}\"");
        Ok(Gate {
            lists: options.lists()?,
            who: options
                .authenticate
                .clone()
                .unwrap_or_else(|| Arc::new(bearer(tokens))),
            bodies: Bodies::new(options.max_body, options.slowest_body),
            values: limits.values,
            challenge: HeaderValue::try_from(challenge)
                .unwrap_or(HeaderValue::from_static("Bearer")),
            mcp: StreamableHttpService::new(move || Ok(server.clone()), Arc::default(), config),
            service,
            busy: Arc::default(),
        })
    }

    /// Answers a request that came in at the address `local`.
    pub async fn answer<B>(&self, request: Request<B>, local: SocketAddr) -> Answer
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        if head_bytes(&parts) > HEAD_BYTES {
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return plain(
                status,
                &format!("the headers are larger than {HEAD_BYTES} bytes"),
            );
        }
        if parts.uri.path() == HEALTH {
            return self.health().await;
        }
        let origin = parts.headers.get(ORIGIN).cloned();
        let mut answer = match self.judge(&parts, local) {
            Err(refusal) => return refusal,
            Ok(()) if cors::is_preflight(&parts) => cors::preflight(&parts),
            Ok(()) if parts.uri.path() != PATH => {
                plain(StatusCode::NOT_FOUND, &format!("MCP is at {PATH}"))
            }
            Ok(()) => self.admit(parts, body).await,
        };
        if let Some(origin) = origin {
            cors::expose(&mut answer, origin);
        }
        answer
    }

    /// Whether the request comes from where requests may come from.
    fn judge(&self, parts: &Parts, local: SocketAddr) -> std::result::Result<(), Answer> {
        let host = match one(parts, &HOST) {
            Ok(Some(host)) => host,
            Ok(None) if parts.uri.authority().is_some() => parts
                .uri
                .authority()
                .map_or("", http::uri::Authority::as_str),
            _ => return Err(plain(StatusCode::BAD_REQUEST, "one Host header is needed")),
        };
        if !self.lists.allows_host(host, local) {
            tracing::info!(?host, "a request to a host that is not allowed was refused");
            return Err(plain(
                StatusCode::FORBIDDEN,
                "this Host is not allowed; the server's --allow-host adds one",
            ));
        }
        let origin = one(parts, &ORIGIN);
        if origin.is_ok_and(|origin| origin.is_none_or(|origin| self.lists.allows_origin(origin))) {
            return Ok(());
        }
        tracing::info!(
            ?origin,
            "a request from an origin that is not allowed was refused"
        );
        Err(plain(
            StatusCode::FORBIDDEN,
            "this Origin is not allowed; the server's --allow-origin adds one",
        ))
    }

    /// Lets in a request of a known user.
    async fn admit<B>(&self, mut parts: Parts, body: B) -> Answer
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let Some(owner) = self.who.authenticate(&parts).await else {
            return self.unknown(&parts);
        };
        let Some(_place) = self.busy.enter(&owner) else {
            let text =
                format!("{MOST_AT_ONCE} requests of this user are being answered; wait for some");
            let mut answer = plain(StatusCode::TOO_MANY_REQUESTS, &text);
            answer
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("1"));
            return answer;
        };
        let whole = match self.bodies.read(&parts, body).await {
            Ok(whole) => whole,
            Err(status) => return self.bad_body(status),
        };
        // Many tiny values take far more memory than text.
        if whole.bytes.len() as u64 > 2 * self.values
            && Glance::of(&whole.bytes).values() > self.values
        {
            let text = format!("the message holds more than {} values", self.values);
            return plain(StatusCode::PAYLOAD_TOO_LARGE, &text);
        }
        // What authenticates goes no further.
        parts.headers.remove(AUTHORIZATION);
        parts.extensions.insert(Subject(owner));
        let request = Request::from_parts(parts, Full::new(whole.bytes.clone()));
        let answered = answer_panics(async { Ok(self.mcp.handle(request).await) }).await;
        answered.unwrap_or_else(|error| plain(StatusCode::INTERNAL_SERVER_ERROR, &error.message))
    }

    fn unknown(&self, parts: &Parts) -> Answer {
        let mut challenge = self.challenge.clone();
        if parts.headers.contains_key(AUTHORIZATION)
            && let Ok(known) = challenge.to_str()
            && let Ok(longer) = HeaderValue::try_from(format!("{known}, error=\"invalid_token\""))
        {
            challenge = longer;
        }
        let mut answer = plain(
            StatusCode::UNAUTHORIZED,
            "a token is needed: `Authorization: Bearer <token>`",
        );
        answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        answer
    }

    fn bad_body(&self, status: StatusCode) -> Answer {
        let text = match status {
            StatusCode::PAYLOAD_TOO_LARGE => {
                format!("the request is larger than {} bytes", self.bodies.most())
            }
            StatusCode::REQUEST_TIMEOUT => "the request took too long to arrive".to_owned(),
            _ => "the request broke off".to_owned(),
        };
        plain(status, &text)
    }

    /// For those who watch over servers: says nothing but whether the ledger can be read.
    async fn health(&self) -> Answer {
        let service = Arc::clone(&self.service);
        match spawn_blocking(move || service.settings().is_ok()).await {
            Ok(true) => plain(StatusCode::OK, "ok"),
            _ => plain(StatusCode::SERVICE_UNAVAILABLE, "the ledger cannot be read"),
        }
    }
}

/// Looks at the bearer token of a request (RFC 6750).
fn bearer(tokens: Tokens) -> impl Fn(&Parts) -> Option<Owner> + Send + Sync {
    move |parts| {
        let given = one(parts, &AUTHORIZATION).ok()??;
        let (scheme, token) = given.split_once(' ')?;
        let token = scheme
            .eq_ignore_ascii_case("bearer")
            .then(|| token.trim())?;
        tokens.owner_of(token).cloned()
    }
}

/// The value of a header that may stand once, as text.
fn one<'a>(parts: &'a Parts, name: &HeaderName) -> std::result::Result<Option<&'a str>, ()> {
    let mut values = parts.headers.get_all(name).iter();
    let value = values.next().map(|value| value.to_str().map_err(drop));
    match values.next() {
        Some(_) => Err(()),
        None => value.transpose(),
    }
}

fn head_bytes(parts: &Parts) -> usize {
    let path = parts
        .uri
        .path_and_query()
        .map_or(0, |path| path.as_str().len());
    let headers = parts.headers.iter();
    headers.fold(path, |sum, (name, value)| {
        sum + name.as_str().len() + value.len()
    })
}

/// A short answer in words.
pub fn plain(status: StatusCode, text: &str) -> Answer {
    let body = Full::new(Bytes::from(format!("{text}\n"))).boxed();
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    answer
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, text);
    answer
}

/// How many requests of each user are being answered.
#[derive(Default)]
struct Busy {
    users: Mutex<HashMap<Owner, u32>>,
}

impl Busy {
    /// A place for one more, given back when it is dropped.
    fn enter(self: &Arc<Self>, owner: &Owner) -> Option<Place> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        let count = users.entry(owner.clone()).or_insert(0);
        if *count >= MOST_AT_ONCE {
            return None;
        }
        *count += 1;
        Some(Place {
            busy: Arc::clone(self),
            owner: owner.clone(),
        })
    }
}

struct Place {
    busy: Arc<Busy>,
    owner: Owner,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut users = self
            .busy
            .users
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = users.get_mut(&self.owner) {
            *count -= 1;
            if *count == 0 {
                users.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;

    fn parts(headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(Method::POST);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_token_is_taken_from_one_well_formed_header() {
        let mut tokens = Tokens::default();
        let token = tokens.generate();
        let who = bearer(tokens);
        let ask = |value: &str| who(&parts(&[("authorization", value)]));
        assert_eq!(ask(&format!("Bearer {token}")), Some(Owner::local()));
        assert_eq!(ask(&format!("bearer  {token} ")), Some(Owner::local()));
        for wrong in [
            token.clone(),
            format!("Basic {token}"),
            "Bearer".into(),
            "Bearer ".into(),
            String::new(),
        ] {
            assert_eq!(ask(&wrong), None, "{wrong}");
        }
        let value = format!("Bearer {token}");
        assert_eq!(
            who(&parts(&[
                ("authorization", &value),
                ("authorization", &value)
            ])),
            None
        );
        assert_eq!(who(&parts(&[])), None);
    }

    #[test]
    fn a_user_has_so_many_places_and_others_theirs() {
        let (busy, one) = (Arc::<Busy>::default(), Owner::new("one").unwrap());
        let places: Vec<Place> = (0..MOST_AT_ONCE).filter_map(|_| busy.enter(&one)).collect();
        assert_eq!(places.len(), MOST_AT_ONCE as usize);
        assert!(busy.enter(&one).is_none());
        assert!(busy.enter(&Owner::local()).is_some());
        drop(places);
        assert!(busy.enter(&one).is_some());
        assert!(busy.users.lock().unwrap().is_empty());
    }
}
