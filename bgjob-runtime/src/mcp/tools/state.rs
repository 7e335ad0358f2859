//! `get_state` and `reset_state`.

use serde_json::{Value, json};

use super::part::Asked;
use crate::error::{Code, Error, Result};
use crate::job::record::FieldRecord;
use crate::mcp::args;
use crate::mcp::caller::Caller;
use crate::mcp::envelope::{FieldView, Reply};
use crate::mcp::jobs::Answer;
use crate::mcp::resources;

/// Which fields there are, or one field's value or a part of it.
pub async fn get(jobs: &Caller, args: args::GetState) -> Result<Answer> {
    let Some(field) = args.field else {
        let fields = jobs.blocking(|service, owner| service.state(owner)).await?;
        return Ok(listing(fields).into());
    };
    let first = args.pointer.is_none() && args.offset.is_none();
    let asked = Asked {
        pointer: args.pointer,
        offset: args.offset,
        count: args.count,
        max_bytes: args.max_bytes,
        outline: false,
    };
    let name = field.clone();
    let (record, found) = jobs
        .blocking(move |service, owner| {
            let (record, value) = service.state_value(owner, &name)?;
            let text = value.to_string();
            let found = asked.read(text.as_bytes(), &format!("the state field `{name}`"))?;
            Ok::<_, Error>((record, found))
        })
        .await?;
    let mut reply = found.reply;
    reply.fields = Some(vec![view(record)]);
    reply.resource = (first && found.whole.is_none()).then(|| resources::field_uri(&field));
    reply.value = reply.value.or(found.whole);
    Ok(match found.next {
        Some(mut next) => {
            next.shift_insert(0, "field".into(), json!(field));
            reply.next("get_state", Value::Object(next)).into()
        }
        None => reply.into(),
    })
}

/// Empties one field, or all when that is said.
pub async fn reset(jobs: &Caller, args: args::ResetState) -> Result<Answer> {
    let field = match (args.field, args.all.unwrap_or(false)) {
        (Some(field), false) => Some(field),
        (None, true) => None,
        (Some(_), true) => {
            return Err(
                Error::new(Code::InvalidArgument, "both `field` and `all` are given")
                    .at("/all")
                    .remedy("Give one of them."),
            );
        }
        (None, false) => {
            return Err(Error::new(Code::MissingArgument, "`field` is missing")
                .at("/field")
                .remedy(
                    "Give the field to empty, or all: true for every field; get_state lists them.",
                ));
        }
    };
    let fields = jobs
        .blocking(move |service, owner| service.state_reset(owner, field.as_deref()))
        .await?;
    Ok(listing(fields).into())
}

fn listing(fields: Vec<FieldRecord>) -> Reply {
    let mut reply = Reply::ok();
    reply.fields = Some(fields.into_iter().map(view).collect());
    reply
}

fn view(record: FieldRecord) -> FieldView {
    let known = record.present;
    FieldView {
        field: record.field,
        present: known,
        version: (record.version > 0).then_some(record.version),
        bytes: record.bytes.filter(|_| known),
        set_by: record.job.filter(|_| known),
        set_at: None,
    }
}
