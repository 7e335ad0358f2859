//! Every message of the macro, and the collector that lets one compile show them all.

use std::cell::RefCell;

use proc_macro2::TokenStream;
use quote::ToTokens;

macro_rules! problems {
    ($($variant:ident $({ $($field:ident),* })? => $what:literal, help: $help:literal;)*) => {
        /// What can be wrong with an annotated function. Each variant has a case in `tests/ui/cases`.
        pub enum Problem {
            $(#[doc = $what] $variant $({ $(#[doc = "Part of the message."] $field: String),* })?,)*
        }

        impl Problem {
            /// The names of all variants.
            #[cfg(test)]
            pub const NAMES: &[&str] = &[$(stringify!($variant)),*];

            /// What each says, with its parts still in braces.
            #[cfg(test)]
            pub const WORDS: &[&str] = &[$($what),*];

            /// What is wrong, and the text that mends it.
            fn message(&self) -> String {
                match self {
                    $(Problem::$variant $({ $($field),* })? => {
                        format!("{}\nhelp: {}", format_args!($what), format_args!($help))
                    })*
                }
            }
        }
    };
}

problems! {
    // Options of any of the attributes.
    UnknownOption { name, near, known } => "unknown option `{name}`", help: "{near}the options are {known}";
    RepeatedOption { name } => "`{name}` is given twice", help: "keep one of them";
    MalformedOption { example } => "expected an option", help: "write options as `{example}`, separated by commas";
    MissingValue { name, example } => "`{name}` needs a value", help: "write `{example}`";
    UnexpectedValue { name } => "`{name}` takes no value", help: "write only `{name}`";
    WrongValue { name, expected, example } => "`{name}` takes {expected}", help: "write `{example}`";

    // Options of a tool.
    DurationWithoutUnit { name, given } => "the duration `{given}` has no unit",
        help: "write `{name} = \"{given}s\"` for seconds; the units are ms, s, m, h and d";
    BadDuration { given, other } => "`{given}` is not a duration",
        help: "write whole numbers with units, largest first, such as `\"30m\"`, `\"1h30m\"` or `\"500ms\"`{other}; the units are ms, s, m, h and d";
    ZeroTimeout => "a timeout of 0 would end every job at once", help: "write `timeout = \"none\"` for no limit";
    LongTimeout { given } => "a timeout of `{given}` is more than 100 years", help: "write `timeout = \"none\"` for no limit";
    LongTime { name, given } => "`{name}` is more than 100 years: `{given}`", help: "write a shorter time";
    RetriesWithoutMax => "`retries` does not say how often", help: "write `retries(max = 3, …)`";
    UnknownRetryCause { name } => "no attempt ends as `{name}`",
        help: "name some of `\"lost\"`, `\"crashed\"`, `\"timed_out\"` and `\"retryable\"`";
    NothingToRetry => "`on` is empty, so nothing would be tried again",
        help: "name some of `\"lost\"`, `\"crashed\"`, `\"timed_out\"` and `\"retryable\"`, or remove `retries`";
    ShortMaxBackoff => "`max_backoff` is shorter than the first pause",
        help: "write a longer `max_backoff`, or a shorter `backoff`; unless given they are 5m and 5s";
    BadDedupe { given } => "`{given}` is neither `in_flight` nor a duration",
        help: "write `dedupe = \"in_flight\"`, or a time such as `dedupe = \"10m\"`";
    ZeroDedupe => "no call comes within 0 of another", help: "write `dedupe = \"in_flight\"`, or remove `dedupe`";
    ZeroInline => "no job ends within 0", help: "write a time such as `inline = \"2s\"`, or remove `inline`";
    LongInline { given } => "`inline` is more than 50s, longer than clients wait for a call: `{given}`",
        help: "write a shorter time, such as `inline = \"2s\"`";
    BadToolName { name, suggestion } => "`{name}` is not a tool name: only a-z, 0-9 and `_` may be in it",
        help: "write `#[background_tool(name = \"{suggestion}\")]`";
    LongToolName { name, length } => "the tool name `{name}` has {length} characters, and 41 is the most",
        help: "choose a shorter one: `#[background_tool(name = \"…\")]`";
    ReservedToolName { name } => "`{name}` is the name of a job tool that every server has",
        help: "choose another: `#[background_tool(name = \"my_{name}\")]`";
    EmptyTitle => "the title is empty", help: "write a name for people, or leave `title` out";
    BadStateField { name, suggestion } => "`{name}` is not the name of a state field: 1 to 64 of a-z, 0-9 and `_`",
        help: "write `{suggestion}`";
    PatchWithoutField => "`state_patch` does not name the field to write",
        help: "write `state_patch(field = \"…\", pointer = \"/a/b\")`";
    BadPointer { given, suggestion } => "`{given}` is not a JSON pointer (RFC 6901)",
        help: "write `\"{suggestion}\"`: empty for the whole result, else `/` before each step, with `~0` for `~` and `~1` for `/`";
    BadVariable { name } => "`{name}` is not the name of an environment variable",
        help: "write letters, digits and `_`, with one `*` at the end to match any rest: `pass_env = [\"OPENAI_API_KEY\", \"AWS_*\"]`";
    UnknownFlavor { name } => "there is no flavor `{name}`",
        help: "write `flavor = \"current_thread\"` (the default) or `flavor = \"multi_thread\"`";
    FlavorOfSync { name } => "`flavor` has no effect, since `{name}` is not async",
        help: "remove `flavor`, or write `async fn {name}`";
    MisspeltAttribute { name, near } => "there is no attribute `#[{name}]` for an argument", help: "write `#[{near}(…)]`";
    UnknownTaskSupport { given } => "`task` is \"optional\" or \"required\", not \"{given}\"",
        help: "write `task = \"required\"` to refuse MCP clients that have no tasks, or leave `task` out";
    RepeatedAttribute { name } => "`#[{name}]` stands here twice", help: "keep one of them";

    // The function.
    NotAFunction => "`#[background_tool]` goes on a function",
        help: "write it above an ordinary `fn` or `async fn`";
    NoBody { name } => "`{name}` has no body", help: "write `{{ … }}` instead of `;`, on a free function";
    Method => "a tool cannot be a method, since no `self` exists when a job starts",
        help: "move the function out of the `impl` or `trait`, and read shared values through `State<T>`";
    Generic { name } => "`{name}` is generic, but a tool has one fixed signature",
        help: "remove `{name}`'s generic parameters and `where` clause, and write the types that it is called with";
    ConstFn { name } => "a tool cannot be a `const fn`", help: "write `fn {name}`";
    UnsafeFn { name } => "a tool cannot be an `unsafe fn`, since agents call it with any input",
        help: "write `fn {name}`, check the input, and put the `unsafe` block inside";
    ExternFn { name } => "a tool cannot be an `extern` function", help: "write `fn {name}`";
    Variadic => "a tool cannot have variadic arguments", help: "take a list: `values: Vec<T>`";
    NeverReturns => "a tool must return, since its value is the job's result", help: "remove `-> !`, or name a type";
    BorrowedReturn { given } => "a tool's result cannot be borrowed, since it outlives the call",
        help: "return an owned type instead of `{given}`, such as `String` for `&str` or `Vec<T>` for `&[T]`";
    ImplTraitReturn => "a tool's result needs a named type, so that it has a schema",
        help: "write the type instead of `impl …`: it needs `#[derive(serde::Serialize, schemars::JsonSchema)]`";

    // Arguments.
    Pattern { given } => "an argument of a tool needs a plain name, not the pattern `{given}`",
        help: "write `name: Type`, and take it apart in the body: `let {given} = name;`";
    BorrowedArgument { name, given, owned } => "the argument `{name}` is borrowed, but a job owns its input",
        help: "write `{name}: {owned}` instead of `{name}: {given}`";
    ImplTraitArgument { name } => "the argument `{name}` needs a named type, so that it has a schema",
        help: "write `{name}: Type`: it needs `#[derive(serde::Deserialize, schemars::JsonSchema)]`";
    BadArgumentName { name } => "`{name}` is not an argument's name: 1 to 64 of a-z, A-Z, 0-9, `_` and `-`, with a letter or `_` first",
        help: "write `#[arg(rename = \"…\")]` with such a name";
    SecondArgument { name } => "two arguments have the name `{name}`", help: "rename one: `#[arg(rename = \"…\")]`";
    JobNotBorrowed { name, given } => "a job is lent to its tool, so `{given}` cannot be passed", help: "write `{name}: &Job`";
    SecondJob { name } => "the tool already has its `&Job`", help: "remove `{name}`";
    StateWithoutType { name } => "`State` needs the type of the field's value", help: "write `{name}: State<T>`";
    SecondState { field } => "the state field `{field}` is read twice",
        help: "remove one, or name another field: `#[state(\"…\")]`";
    ArgOnInjected { name } => "`#[arg]` has no effect on `{name}`, which is not an argument of the call",
        help: "remove `#[arg(…)]`";
    StateOnArgument { name } => "`#[state]` goes on a parameter of type `State<T>`",
        help: "write `{name}: State<T>` with `use bgjob_runtime::State;`, or remove `#[state(…)]`";
    MalformedState => "`#[state]` takes the name of a state field", help: "write `#[state(\"basis\")]`";
    NotARange => "`range` needs a range with at least one bound",
        help: "write `range = 1..=10`, `range = 0.0..1.0`, `range = 1..` or `range = ..=10`";
    EmptyRange { given } => "no value lies in `{given}`", help: "write the lower bound first, and `..=` to include the upper one";
    DefaultOutOfRange { given, range } => "the default {given} lies outside the range `{range}`",
        help: "change one of them, so that the default is allowed";
    FlattenNotAlone { name } => "`{name}` is flattened, so it stands for all arguments, but there are others",
        help: "move the other arguments into `{name}`'s struct, or remove `flatten`";
    FlattenWithOption { option } => "`{option}` has no effect on a flattened argument",
        help: "remove `{option}`, and say it on the fields of the struct";
}

/// The problems found so far. Shared by all stages, so that none hides another's.
#[derive(Default)]
pub struct Problems {
    found: RefCell<Vec<syn::Error>>,
}

impl Problems {
    /// Notes a problem at the tokens that have to be edited.
    pub fn report(&self, at: impl ToTokens, problem: Problem) {
        let error = syn::Error::new_spanned(at, problem.message());
        self.found.borrow_mut().push(error);
    }

    /// Whether all is well so far.
    pub fn is_empty(&self) -> bool {
        self.found.borrow().is_empty()
    }

    /// One `compile_error!` for each problem.
    pub fn into_tokens(self) -> TokenStream {
        self.found
            .into_inner()
            .iter()
            .map(syn::Error::to_compile_error)
            .collect()
    }
}
