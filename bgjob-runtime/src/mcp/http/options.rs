//! What a program says about its HTTP server.

use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;

use super::lists::AllowLists;
use super::tokens::Tokens;
use crate::error::{Code, Error, Result};
use crate::job::request::Owner;

/// A token for one user, the local one, when no file is named.
pub const TOKEN_VAR: &str = "BGJOB_HTTP_TOKEN";
/// The token file when no flag names one.
pub const TOKEN_FILE_VAR: &str = "BGJOB_HTTP_TOKEN_FILE";

/// Who a request is from, by its headers; for a server whose users are known elsewhere.
///
/// Any function from [`Parts`] to an [`Owner`] is one; a type of one's own may wait for an answer, too.
pub trait Authenticate: Send + Sync {
    /// The user, or nobody: then the request is answered with 401.
    fn authenticate<'a>(
        &'a self,
        request: &'a Parts,
    ) -> Pin<Box<dyn Future<Output = Option<Owner>> + Send + 'a>>;
}

impl<F: Fn(&Parts) -> Option<Owner> + Send + Sync> Authenticate for F {
    fn authenticate<'a>(
        &'a self,
        request: &'a Parts,
    ) -> Pin<Box<dyn Future<Output = Option<Owner>> + Send + 'a>> {
        let owner = self(request);
        Box::pin(std::future::ready(owner))
    }
}

/// How to serve over HTTP. The defaults serve one user of this machine.
///
/// ```
/// use bgjob_runtime::{Owner, mcp::HttpOptions};
///
/// let options = HttpOptions::default()
///     .allow_host("jobs.example.org")
///     .token_file("/etc/tank/tokens");
/// // Or behind a proxy that has authenticated the user, on an address that only it reaches:
/// let options = HttpOptions::default().authenticate(|request: &http::request::Parts| {
///     let user = request.headers.get("x-forwarded-user")?.to_str().ok()?;
///     Owner::new(user).ok()
/// });
/// ```
#[derive(Clone)]
pub struct HttpOptions {
    pub(super) hosts: Vec<String>,
    pub(super) origins: Vec<String>,
    pub(super) token_file: Option<PathBuf>,
    pub(super) tokens: Vec<(Owner, String)>,
    pub(super) authenticate: Option<Arc<dyn Authenticate>>,
    pub(super) max_body: usize,
    pub(super) slowest_body: Duration,
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpOptions")
            .field("hosts", &self.hosts)
            .field("origins", &self.origins)
            .field("token_file", &self.token_file)
            .finish_non_exhaustive()
    }
}

impl Default for HttpOptions {
    fn default() -> Self {
        HttpOptions {
            hosts: Vec::new(),
            origins: Vec::new(),
            token_file: None,
            tokens: Vec::new(),
            authenticate: None,
            max_body: 16 << 20,
            slowest_body: Duration::from_secs(60),
        }
    }
}

impl HttpOptions {
    /// Lets in requests whose `Host` is this, beside this machine's own names and the address that
    /// they came in at: a name or an address, with a port if only that one will do.
    #[must_use]
    pub fn allow_host(mut self, host: impl Into<String>) -> Self {
        self.hosts.push(host.into());
        self
    }

    /// Lets in pages of this origin (RFC 6454), beside those of this machine: `https://example.org`,
    /// or `null` for pages that have none. Requests without the header, as of programs that are no
    /// browsers, are let in anyway.
    #[must_use]
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// Takes users and their tokens from this file, of lines `subject = token`, mode 0600. A flag or
    /// `BGJOB_HTTP_TOKEN_FILE` names another.
    #[must_use]
    pub fn token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.token_file = Some(path.into());
        self
    }

    /// Adds a user with a bearer token (RFC 6750) of at least 32 characters, or the token's hash,
    /// written `sha256:` and 64 hex digits.
    #[must_use]
    pub fn token(mut self, owner: Owner, token: impl Into<String>) -> Self {
        self.tokens.push((owner, token.into()));
        self
    }

    /// Asks this who a request is from, instead of looking at tokens.
    #[must_use]
    pub fn authenticate(mut self, who: impl Authenticate + 'static) -> Self {
        self.authenticate = Some(Arc::new(who));
        self
    }

    /// The largest request body, in bytes; larger ones are answered with 413. Default 16 MiB.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// How long a body may take to arrive; slower ones are answered with 408. Default 60 s.
    #[must_use]
    pub fn slowest_body(mut self, limit: Duration) -> Self {
        self.slowest_body = limit;
        self
    }

    pub(super) fn lists(&self) -> Result<AllowLists> {
        AllowLists::new(&self.hosts, &self.origins)
            .map_err(|problem| Error::new(Code::InvalidArgument, problem))
    }

    /// The tokens that somebody configured.
    pub(super) fn known_tokens(&self) -> Result<Tokens> {
        let mut tokens = Tokens::default();
        for (owner, token) in &self.tokens {
            tokens.add(owner.clone(), token)?;
        }
        if let Some(path) = &self.token_file {
            tokens.add_file(path)?;
        } else if let Some(token) = std::env::var_os(TOKEN_VAR).filter(|token| !token.is_empty()) {
            let token = token.to_string_lossy();
            tokens.add(Owner::local(), &token).map_err(|error| {
                Error::new(error.code, format!("{TOKEN_VAR}: {}", error.message))
            })?;
        }
        Ok(tokens)
    }
}
