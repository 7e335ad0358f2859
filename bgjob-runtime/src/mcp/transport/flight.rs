//! Which requests are being worked on, and whether the session has begun.

use std::collections::HashSet;

use rmcp::model::{
    ClientJsonRpcMessage, ClientNotification, ClientRequest, ErrorCode, GetMeta, JsonRpcMessage,
    ProtocolVersion, RequestId,
};
use rmcp::service::TxJsonRpcMessage;

use super::sort::{Sorted, error};

/// The requests in flight.
#[derive(Debug, Default)]
pub struct Flight {
    ids: HashSet<RequestId>,
    /// Whether a request has opened the session; a notification or response before that would make
    /// the protocol library end the server.
    open: bool,
}

impl Flight {
    /// Lets a message through, or says how to answer it instead.
    pub fn admit(&mut self, message: Box<ClientJsonRpcMessage>) -> Sorted {
        match message.as_ref() {
            JsonRpcMessage::Request(request) => {
                if !self.ids.insert(request.id.clone()) {
                    let id = request.id.clone().into_json_value().to_string();
                    let text = "a request of this id is in progress: use a new id for each request";
                    return Sorted::Answer(vec![error(
                        Some(&id),
                        ErrorCode::INVALID_REQUEST,
                        text,
                    )]);
                }
                self.open |= opens(&request.request);
            }
            JsonRpcMessage::Notification(notification) => {
                if !self.open {
                    return Sorted::Nothing;
                }
                if let ClientNotification::CancelledNotification(cancelled) =
                    &notification.notification
                {
                    // The protocol library sends no answer to a cancelled request.
                    cancelled
                        .params
                        .request_id
                        .as_ref()
                        .map(|id| self.ids.remove(id));
                }
            }
            JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) if !self.open => {
                return Sorted::Nothing;
            }
            JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => {}
        }
        Sorted::Message(message)
    }

    /// Takes note of an answer.
    pub fn answered(&mut self, message: &TxJsonRpcMessage<rmcp::RoleServer>) {
        match message {
            JsonRpcMessage::Response(response) => self.ids.remove(&response.id),
            JsonRpcMessage::Error(error) => error.id.as_ref().is_some_and(|id| self.ids.remove(id)),
            _ => false,
        };
    }
}

/// Whether the protocol library takes this request as the beginning of a session: `initialize`, or
/// any request but a probe that carries its own protocol version (2026-07-28).
fn opens(request: &ClientRequest) -> bool {
    match request {
        ClientRequest::InitializeRequest(_) => true,
        ClientRequest::PingRequest(_) | ClientRequest::DiscoverRequest(_) => false,
        other => {
            let meta = other.get_meta();
            meta.missing_required_keys(&ProtocolVersion::V_2026_07_28)
                .is_empty()
                && meta
                    .protocol_version()
                    .is_some_and(|v| ProtocolVersion::KNOWN_VERSIONS.contains(&v))
        }
    }
}
