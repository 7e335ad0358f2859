//! Reading a request's body: bounded in size, in time, and in memory over all requests.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Bytes that all bodies being read may have together.
const ALL_BODIES: usize = 64 << 20;
const KIB: usize = 1024;

/// A body, and its share of the room while it is worked on.
#[derive(Debug)]
pub struct Whole {
    /// What was sent.
    pub bytes: Bytes,
    _share: Option<OwnedSemaphorePermit>,
}

/// Reads bodies for one server.
#[derive(Clone, Debug)]
pub struct Bodies {
    /// Room left, in KiB.
    room: Arc<Semaphore>,
    most: usize,
    slowest: Duration,
}

impl Bodies {
    /// Bodies of at most `most` bytes, read in at most `slowest`.
    pub fn new(most: usize, slowest: Duration) -> Self {
        Bodies {
            room: Arc::new(Semaphore::new(ALL_BODIES.max(most).div_ceil(KIB))),
            most,
            slowest,
        }
    }

    /// The largest body, in bytes.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Reads a whole body.
    ///
    /// # Errors
    /// The status to answer with: 413, 408, or 400 for a body that breaks off.
    pub async fn read<B>(&self, parts: &Parts, body: B) -> Result<Whole, StatusCode>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let told = parts.headers.get(CONTENT_LENGTH);
        let told = told.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        // A body that does not tell its length may have any.
        let expected = told.unwrap_or(self.most);
        if expected > self.most {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        let whole = async {
            let share = u32::try_from(expected.div_ceil(KIB)).unwrap_or(u32::MAX);
            // The semaphore is never closed.
            let share = Arc::clone(&self.room).acquire_many_owned(share).await.ok();
            (share, Limited::new(body, self.most).collect().await)
        };
        match timeout(self.slowest, whole).await {
            Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
            Ok((share, Ok(collected))) => Ok(Whole {
                bytes: collected.to_bytes(),
                _share: share,
            }),
            Ok((_, Err(error))) if error.is::<LengthLimitError>() => {
                Err(StatusCode::PAYLOAD_TOO_LARGE)
            }
            Ok((_, Err(_))) => Err(StatusCode::BAD_REQUEST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;

    fn parts(length: Option<&str>) -> Parts {
        let mut request = http::Request::new(());
        if let Some(length) = length {
            let length = length.parse().unwrap();
            request.headers_mut().insert(CONTENT_LENGTH, length);
        }
        request.into_parts().0
    }

    async fn read(
        most: usize,
        length: Option<&str>,
        body: &'static [u8],
    ) -> Result<Bytes, StatusCode> {
        let bodies = Bodies::new(most, Duration::from_secs(60));
        let whole = bodies
            .read(&parts(length), Full::new(Bytes::from_static(body)))
            .await;
        whole.map(|whole| whole.bytes)
    }

    #[tokio::test]
    async fn a_body_has_its_size_whatever_it_says() {
        assert_eq!(read(5, Some("5"), b"12345").await.unwrap(), "12345");
        assert_eq!(read(5, None, b"12345").await.unwrap(), "12345");
        assert_eq!(
            read(4, None, b"12345").await,
            Err(StatusCode::PAYLOAD_TOO_LARGE)
        );
        assert_eq!(
            read(4, Some("9"), b"").await,
            Err(StatusCode::PAYLOAD_TOO_LARGE)
        );
        assert_eq!(
            read(4, Some("3"), b"12345").await,
            Err(StatusCode::PAYLOAD_TOO_LARGE)
        );
    }

    #[tokio::test]
    async fn a_body_that_waits_for_room_too_long_is_given_up() {
        let bodies = Bodies::new(1, Duration::from_millis(10));
        let all = bodies.room.available_permits();
        let _taken = bodies
            .room
            .acquire_many(u32::try_from(all).unwrap())
            .await
            .unwrap();
        let body = Full::new(Bytes::from_static(b"1"));
        let status = bodies.read(&parts(None), body).await.map(drop);
        assert_eq!(status, Err(StatusCode::REQUEST_TIMEOUT));
    }
}
