//! One call of a tool's function: where its arguments come from and where its result goes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{BufWriter, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use super::check::words;
use super::context::Job;
use super::finite;
use super::shape::{self, Failure, FromJson, Refusal, ToJson};
use super::signature::invalid_state;
use super::state_arg::State;
use crate::error::{Code, Error, Result};

/// How a call ended; the result itself went to the sink. Boxed, since closures in users' crates return it, and
/// clippy would blame those for the size of an [`Error`].
pub type Finished = Result<(), Box<Error>>;

/// A value of a state field and its version.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub struct StateValue {
    /// The version of the field.
    pub version: u64,
    /// The value.
    pub value: Value,
}

/// One call of a tool's function.
pub struct Call {
    job: Job,
    args: Map<String, Value>,
    states: BTreeMap<String, StateValue>,
    sink: RefCell<BufWriter<Box<dyn Write>>>,
}

impl Call {
    /// A call with checked arguments, pinned state values, and the writer that the result goes to.
    pub fn new(
        job: Job,
        args: Map<String, Value>,
        states: BTreeMap<String, StateValue>,
        sink: Box<dyn Write>,
    ) -> Self {
        Call {
            job,
            args,
            states,
            sink: RefCell::new(BufWriter::with_capacity(64 * 1024, sink)),
        }
    }

    /// What the function is given as `&Job`.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// The argument `name`.
    ///
    /// # Errors
    /// `missing_argument` or `invalid_argument`, should the stored input not be the one that was checked.
    pub fn arg<T: FromJson>(&self, name: &str) -> Result<T> {
        let Some(value) = self.args.get(name) else {
            return shape::read_nothing().ok_or_else(|| {
                Error::new(
                    Code::MissingArgument,
                    format!("the stored input has no `{name}`"),
                )
            });
        };
        shape::read(value).map_err(|refusal| unreadable(&super::pointer::join("", name), &refusal))
    }

    /// The struct that stands for all arguments.
    ///
    /// # Errors
    /// `invalid_argument`, should the stored input not be the one that was checked.
    pub fn flattened<T: FromJson>(&self) -> Result<T> {
        shape::read(&Value::Object(self.args.clone())).map_err(|refusal| unreadable("", &refusal))
    }

    /// The snapshot of the state field `field`.
    ///
    /// # Errors
    /// `missing_state` without a value, `invalid_state` where it does not fit `T`.
    pub fn state<T: FromJson>(&self, field: &str) -> Result<State<T>> {
        let Some(state) = self.states.get(field) else {
            return Err(Error::new(
                Code::MissingState,
                format!("the state field `{field}` has no value"),
            ));
        };
        match shape::read(&state.value) {
            Ok(value) => Ok(State::pinned(value, state.version)),
            Err(refusal) => Err(invalid_state(field, &refusal)),
        }
    }

    /// Writes the result as JSON into the sink, piece by piece.
    ///
    /// # Errors
    /// `bad_result` where it is not JSON, such as a NaN; `storage_error` where writing fails.
    pub fn output<T: ToJson + ?Sized>(&self, value: &T) -> Finished {
        let mut sink = self.sink.borrow_mut();
        finite::write(&mut *sink, value)?;
        sink.flush()
            .map_err(|error| Box::new(Error::storage("write the result", error)))
    }

    /// The function's own error.
    ///
    /// # Errors
    /// Always: `tool_error`.
    pub fn failure<E: Failure + ?Sized>(
        &self,
        error: &E,
        details: Option<Value>,
        retryable: bool,
    ) -> Finished {
        let text = error.to_string();
        let message = if text.trim().is_empty() {
            "the tool failed without a message".to_owned()
        } else {
            text
        };
        let mut failed = Error::new(Code::ToolError, message);
        failed.details = details;
        failed.retryable = retryable;
        Err(Box::new(failed))
    }
}

/// An error of a tool that can say whether the same call may succeed later. With `retries` on the
/// attribute such a failure is tried again; without, it only tells the caller.
///
/// ```
/// use bgjob_runtime::{Retryable, background_tool};
///
/// #[derive(Debug)]
/// enum FetchError {
///     Busy,
///     NoSuchPage,
/// }
///
/// impl std::fmt::Display for FetchError {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         f.write_str(match self {
///             FetchError::Busy => "the server is busy",
///             FetchError::NoSuchPage => "there is no such page",
///         })
///     }
/// }
///
/// impl Retryable for FetchError {
///     fn is_retryable(&self) -> bool {
///         matches!(self, FetchError::Busy)
///     }
/// }
///
/// /// Fetches a page.
/// #[background_tool(retries = 3)]
/// fn fetch(page: u32) -> Result<String, FetchError> {
///     if page == 404 { Err(FetchError::NoSuchPage) } else { Err(FetchError::Busy) }
/// }
/// ```
pub trait Retryable {
    /// Whether the same call may succeed later without being changed.
    fn is_retryable(&self) -> bool;
}

impl Retryable for Error {
    fn is_retryable(&self) -> bool {
        self.retryable
    }
}

/// The value itself is left out: which arguments are secret is not known here.
fn unreadable(parent: &str, refusal: &Refusal) -> Error {
    let at = format!("{parent}{}", refusal.at);
    let place = words::clip(&at, 200);
    Error::new(
        Code::InvalidArgument,
        format!("the stored input does not fit the tool at `{place}`"),
    )
    .at(at)
}

/// Finds out by method resolution whether an error type implements `Serialize`.
///
/// `(&&ErrorProbe(&error)).__details()` is [`DetailsBySerialize`] where it does, [`DetailsAbsent`] otherwise.
pub struct ErrorProbe<'a, E: ?Sized>(pub &'a E);

/// The details of an error that implements `Serialize`.
pub trait DetailsBySerialize {
    /// The error as data.
    fn __details(&self) -> Option<Value>;
}

impl<E: Serialize + ?Sized> DetailsBySerialize for &ErrorProbe<'_, E> {
    fn __details(&self) -> Option<Value> {
        serde_json::to_value(self.0).ok()
    }
}

/// The details of any other error: none.
pub trait DetailsAbsent {
    /// Nothing.
    fn __details(&self) -> Option<Value>;
}

impl<E: ?Sized> DetailsAbsent for ErrorProbe<'_, E> {
    fn __details(&self) -> Option<Value> {
        None
    }
}

/// An error that implements [`Retryable`], found as [`DetailsBySerialize`] is.
pub trait PassingFailure {
    /// What it says of itself.
    fn __retryable(&self) -> bool;
}

impl<E: Retryable + ?Sized> PassingFailure for &ErrorProbe<'_, E> {
    fn __retryable(&self) -> bool {
        self.0.is_retryable()
    }
}

/// Any other error: not to be tried again.
pub trait FinalFailure {
    /// False.
    fn __retryable(&self) -> bool;
}

impl<E: ?Sized> FinalFailure for ErrorProbe<'_, E> {
    fn __retryable(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::json;

    use super::*;
    use crate::tool::samples::Mesh;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn call(args: Value, sink: impl Write + 'static) -> Call {
        let Value::Object(args) = args else {
            panic!("arguments are an object")
        };
        let basis = StateValue {
            version: 3,
            value: json!({"size": 0.5}),
        };
        Call::new(
            Job::test(),
            args,
            BTreeMap::from([("basis".to_owned(), basis)]),
            Box::new(sink),
        )
    }

    #[test]
    fn arguments_and_states_are_read() {
        let call = call(json!({"days": 3}), Sink::default());
        assert_eq!(call.arg::<u32>("days"), Ok(3));
        assert_eq!(call.arg::<Option<u32>>("absent"), Ok(None));
        assert_eq!(
            call.arg::<u32>("absent").unwrap_err().code,
            Code::MissingArgument
        );
        let basis = call.state::<Mesh>("basis").unwrap();
        assert_eq!((basis.size, basis.version()), (0.5, 3));
        let wrong = call.state::<Vec<u8>>("basis").unwrap_err();
        assert_eq!(wrong.code, Code::InvalidState);
        assert!(wrong.message.contains("`basis`"), "{wrong}");
        assert_eq!(
            call.state::<Mesh>("other").unwrap_err().code,
            Code::MissingState
        );
    }

    #[test]
    fn an_unreadable_argument_is_named_but_not_quoted() {
        let call = call(json!({"token": "s3cret"}), Sink::default());
        let error = call.arg::<u32>("token").unwrap_err();
        assert_eq!(error.at.as_deref(), Some("/token"));
        assert!(!error.message.contains("s3cret"));
    }

    #[test]
    fn the_result_goes_to_the_sink() {
        let sink = Sink::default();
        call(json!({}), sink.clone())
            .output(&json!({"a": [1, null]}))
            .unwrap();
        assert_eq!(sink.0.lock().unwrap().as_slice(), br#"{"a":[1,null]}"#);
    }

    #[test]
    fn a_full_disk_is_a_storage_error() {
        assert_eq!(
            call(json!({}), Full).output("x").unwrap_err().code,
            Code::StorageError
        );
        let large = "x".repeat(200_000);
        assert_eq!(
            call(json!({}), Full).output(&large).unwrap_err().code,
            Code::StorageError
        );
    }

    #[test]
    #[expect(
        clippy::needless_borrow,
        reason = "the number of references picks the trait"
    )]
    fn an_error_that_serializes_keeps_its_details() {
        let plain = std::fmt::Error;
        let rich = Error::new(Code::TooLarge, "too large");
        assert_eq!((&&ErrorProbe(&plain)).__details(), None);
        let details = (&&ErrorProbe(&rich)).__details();
        assert_eq!(details.as_ref().unwrap()["code"], "too_large");
        let failed = call(json!({}), Sink::default())
            .failure(&rich, details, true)
            .unwrap_err();
        assert_eq!(
            (failed.code, failed.message.as_str()),
            (Code::ToolError, "too large")
        );
        assert!(failed.retryable);
        assert_eq!(failed.details.unwrap()["message"], "too large");
        let passing = Error::new(Code::QueueFull, "full");
        assert!((&&ErrorProbe(&passing)).__retryable());
        assert!(!(&&ErrorProbe(&rich)).__retryable());
        assert!(!(&&ErrorProbe(&plain)).__retryable());
    }
}
