//! An artifact of a job, for `get_job_results`: a picture as an image, text in parts, anything else by its
//! kind and size.

use std::fs::File;
use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rmcp::model::ContentBlock;
use serde_json::{Value, json};

use super::next::refuse;
use crate::error::{Error, Result};
use crate::job::artifact::{ArtifactView, is_image};
use crate::job::id::JobId;
use crate::job::view::{JobView, PageView};
use crate::mcp::args;
use crate::mcp::caller::Caller;
use crate::mcp::clean;
use crate::mcp::envelope::Reply;
use crate::mcp::jobs::Answer;
use crate::mcp::resources::link_to_artifact;
use crate::store::files;

/// A larger picture is not sent: clients refuse it, and base64 adds a third.
pub const MOST_IMAGE_BYTES: u64 = 1 << 20;
/// Bytes of text unless asked otherwise, and at most.
pub const USUAL: u64 = 16 * 1024;
pub const MOST: u64 = 60 * 1024;

/// What was read of an artifact.
enum Read {
    Image(String),
    Text(String, PageView),
    Other(String),
}

/// Shows the artifact `name`.
pub async fn call(jobs: &Caller, id: JobId, name: String, args: args::Results) -> Result<Answer> {
    let view = jobs.service().view(jobs.owner(), &id)?;
    let (job, offset) = (id.clone(), args.offset.unwrap_or(0));
    let most = args.max_bytes.unwrap_or(USUAL).clamp(1, MOST);
    let read = jobs
        .blocking(move |service, owner| {
            let (file, artifact) = service.open_artifact(owner, &job, &name)?;
            let read = read(&file, &artifact, offset, most)
                .map_err(|error| Error::storage("read the artifact", error))?;
            Ok::<_, Error>((artifact, read))
        })
        .await;
    let (artifact, read) = match read {
        Ok(read) => read,
        Err(error) => return Ok(refuse(jobs, error, &id)),
    };
    let mut reply = Reply::from(JobView {
        job_id: Some(id.clone()),
        bytes: Some(artifact.bytes),
        ..JobView::bare(view.state)
    });
    match read {
        Read::Image(data) => {
            reply
                .more
                .push(ContentBlock::image(data, artifact.mime_type.clone()));
        }
        Read::Text(text, page) => {
            reply.value = Some(Value::String(text));
            if let Some(next) = page.next_offset {
                let tool = jobs.names().results(Some(id.tool()));
                let args = json!({"job_id": id, "artifact": artifact.name, "offset": next});
                reply = reply.next(tool, args);
            }
            reply.page = Some(page);
        }
        Read::Other(why) => {
            reply.job.warning = Some(why);
            reply.links.push(link_to_artifact(&id, &artifact));
        }
    }
    reply.job.artifacts = vec![artifact];
    Ok(reply.into())
}

fn read(file: &File, artifact: &ArtifactView, offset: u64, most: u64) -> io::Result<Read> {
    let kind = &artifact.mime_type;
    if is_image(kind) {
        if artifact.bytes > MOST_IMAGE_BYTES {
            return Ok(Read::Other(format!(
                "the picture is larger than {MOST_IMAGE_BYTES} bytes: a person can copy it with `jobs artifacts`"
            )));
        }
        let bytes = files::read_at(file, 0, artifact.bytes)?;
        return Ok(Read::Image(BASE64_STANDARD.encode(bytes)));
    }
    let begin = offset.min(artifact.bytes);
    let bytes = files::read_at(file, begin, most.min(artifact.bytes - begin))?;
    let Some(text) = whole_text(&bytes, begin + bytes.len() as u64 == artifact.bytes) else {
        return Ok(Read::Other(format!(
            "{kind} is not text: a person can copy it with `jobs artifacts`"
        )));
    };
    let end = begin + text.len() as u64;
    let page = PageView {
        offset: begin,
        count: text.len() as u64,
        total: artifact.bytes,
        next_offset: (end < artifact.bytes).then_some(end),
    };
    Ok(Read::Text(clean::text(text, usize::MAX), page))
}

/// The bytes as text, but for a character that the end of the part cuts; `None` for what is no text.
pub fn whole_text(bytes: &[u8], at_end: bool) -> Option<&str> {
    if bytes.contains(&0) {
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if !at_end && error.error_len().is_none() && error.valid_up_to() > 0 => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters_and_binary_is_no_text() {
        let text = "abcä".as_bytes();
        assert_eq!(whole_text(&text[..4], false), Some("abc"));
        assert_eq!(whole_text(&text[..4], true), None);
        assert_eq!(whole_text(text, true), Some("abcä"));
        assert_eq!(whole_text(b"a\0b", true), None);
        assert_eq!(whole_text(&[0xff, 0xfe, 1, 2], false), None);
    }
}
