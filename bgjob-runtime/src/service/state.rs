//! The shared state, for people and agents.

use std::collections::BTreeSet;
use std::fs::File;

use serde_json::Value;

use super::JobService;
use crate::clock;
use crate::error::{Code, Error, Result, nearest};
use crate::failpoint::failpoint;
use crate::job::record::{FieldRecord, VersionRecord};
use crate::job::request::Owner;
use crate::store::files;
use crate::store::ledger::StoredValue;
use crate::store::projection;
use crate::supervisor::commit::{INLINE_VALUE_BYTES, store_value};

/// The JSON of a state value.
#[derive(Debug)]
pub enum StateJson {
    /// A small one.
    Inline(Vec<u8>),
    /// A large one, in a file.
    File(File),
}

impl JobService {
    /// Every field that a tool reads or writes or that has a value, by name.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn state(&self, owner: &Owner) -> Result<Vec<FieldRecord>> {
        let stored = self.ledger().fields(owner.as_str())?;
        let names: BTreeSet<String> = self
            .registry
            .state_fields()
            .into_iter()
            .map(str::to_owned)
            .chain(stored.iter().map(|field| field.field.clone()))
            .collect();
        Ok(names
            .into_iter()
            .map(|name| {
                stored
                    .iter()
                    .find(|field| field.field == name)
                    .cloned()
                    .unwrap_or_else(|| empty(name))
            })
            .collect())
    }

    /// A field and its present value.
    ///
    /// # Errors
    /// `unknown_field` with a did-you-mean; `missing_state` when it has no value.
    pub fn state_value(&self, owner: &Owner, field: &str) -> Result<(FieldRecord, Value)> {
        let (head, stored) = self.present(owner, field)?;
        let json = projection::read_value(&self.data, stored)?;
        let value = serde_json::from_slice(&json).map_err(|error| {
            Error::storage(format_args!("read the state field `{field}`"), error)
        })?;
        Ok((head, value))
    }

    /// A field and where its present value can be read from, in parts: large ones stay on disk.
    ///
    /// # Errors
    /// As for [`JobService::state_value`].
    pub fn open_state(&self, owner: &Owner, field: &str) -> Result<(FieldRecord, StateJson)> {
        let (head, stored) = self.present(owner, field)?;
        let json = match stored {
            StoredValue::Inline(json) => StateJson::Inline(json),
            StoredValue::File(name) => files::open_regular(&self.data.values().join(name))
                .map(StateJson::File)
                .map_err(|error| {
                    Error::storage(format_args!("read the state field `{field}`"), error)
                })?,
        };
        Ok((head, json))
    }

    /// How a field stands, whether or not it has a value.
    ///
    /// # Errors
    /// `unknown_field` with a did-you-mean, or `storage_error`.
    pub fn state_field(&self, owner: &Owner, field: &str) -> Result<FieldRecord> {
        self.known_field(owner, field)?;
        let head = self.ledger().field(owner.as_str(), field)?;
        Ok(head.unwrap_or_else(|| empty(field.to_owned())))
    }

    fn present(&self, owner: &Owner, field: &str) -> Result<(FieldRecord, StoredValue)> {
        self.known_field(owner, field)?;
        let head = self
            .ledger()
            .field(owner.as_str(), field)?
            .filter(|head| head.present);
        let stored = match &head {
            Some(head) => self.ledger().value(owner.as_str(), field, head.version)?,
            None => None,
        };
        let (Some(head), Some(stored)) = (head, stored) else {
            let error = Error::new(
                Code::MissingState,
                format!("the state field `{field}` has no value yet"),
            );
            return Err(match self.registry.producer(field) {
                Some(tool) => error.remedy(format!(
                    "Call `{}`: its result becomes that field.",
                    tool.name()
                )),
                None => error,
            });
        };
        Ok((head, stored))
    }

    /// The kept versions of a field, newest first, at most `limit`: superseded ones go with the
    /// retention, those that a live job is promised never.
    ///
    /// # Errors
    /// `unknown_field` with a did-you-mean, or `storage_error`.
    pub fn state_history(
        &self,
        owner: &Owner,
        field: &str,
        limit: u32,
    ) -> Result<Vec<VersionRecord>> {
        self.known_field(owner, field)?;
        self.ledger().history(owner.as_str(), field, limit)
    }

    /// Sets a field by hand, after checking the value against every type that reads it.
    ///
    /// # Errors
    /// `unknown_field`, `invalid_state`, or `storage_error`.
    pub fn state_set(&self, owner: &Owner, field: &str, value: &Value) -> Result<FieldRecord> {
        self.known_field(owner, field)?;
        for tool in self.registry.iter() {
            tool.signature.check_state(field, value)?;
        }
        let json = value.to_string().into_bytes();
        let bytes = json.len() as u64;
        let stored = if bytes <= INLINE_VALUE_BYTES {
            StoredValue::Inline(json)
        } else {
            self.store_large(&json)?
        };
        self.ledger()
            .set_value(owner.as_str(), field, &stored, bytes, clock::now_ms())?;
        failpoint!("state.after_set");
        projection::publish_field(&self.data, &self.ledger(), owner, field)?;
        self.ledger()
            .field(owner.as_str(), field)?
            .ok_or_else(|| Error::storage("set the field", "it vanished"))
    }

    /// Puts a value that is too large for the ledger into a file that the ledger can name.
    pub(super) fn store_large(&self, json: &[u8]) -> Result<StoredValue> {
        let failed = |error| Error::storage("store the value", error);
        let path = self
            .data
            .values()
            .join(format!(".tmp-set-{}", crate::sys::nonce()));
        files::write_new(&path, json, files::Durability::Relaxed).map_err(failed)?;
        let name = files::open_regular(&path)
            .and_then(|file| store_value(&self.data, file))
            .map_err(failed);
        let _ = files::remove_if_there(&path);
        name.map(StoredValue::File)
    }

    /// Empties one field, or all. Jobs submitted before do not write it any more.
    ///
    /// # Errors
    /// `unknown_field`, or `storage_error`.
    pub fn state_reset(&self, owner: &Owner, field: Option<&str>) -> Result<Vec<FieldRecord>> {
        let fields: Vec<String> = match field {
            Some(field) => {
                self.known_field(owner, field)?;
                vec![field.to_owned()]
            }
            None => self
                .state(owner)?
                .into_iter()
                .map(|field| field.field)
                .collect(),
        };
        let mut reset = Vec::new();
        for field in fields {
            self.ledger().reset(owner.as_str(), &field)?;
            failpoint!("state.after_reset");
            projection::publish_field(&self.data, &self.ledger(), owner, &field)?;
            reset.extend(self.ledger().field(owner.as_str(), &field)?);
        }
        Ok(reset)
    }

    fn known_field(&self, owner: &Owner, field: &str) -> Result<()> {
        let fields = self.state(owner)?;
        if fields.iter().any(|known| known.field == field) {
            return Ok(());
        }
        let names: Vec<&str> = fields.iter().map(|field| field.field.as_str()).collect();
        let shown: String = field.chars().filter(|c| !c.is_control()).take(64).collect();
        let error = Error::new(
            Code::UnknownField,
            format!("no tool reads or writes a state field `{shown}`"),
        )
        .did_you_mean(nearest(field, names.iter().copied()));
        Err(if names.is_empty() {
            error.remedy("This server has no state fields.")
        } else {
            error.remedy(format!("The fields are {}.", names.join(", ")))
        })
    }
}

fn empty(field: String) -> FieldRecord {
    FieldRecord {
        field,
        version: 0,
        generation: 0,
        present: false,
        job: None,
        set_at: None,
        bytes: None,
    }
}
