//! Every rule: what was written becomes the model, or problems. A rule never hides another rule's message.

mod function;
mod numbers;
mod options;
mod parameters;
mod repeats;
mod values;

use quote::ToTokens;
use syn::ext::IdentExt;

use crate::model::{Options, Output, Tool};
use crate::problem::{Problem, Problems};
use crate::syntax::function::RawFunction;
use crate::syntax::options::RawOptions;

/// Tools of every server, whose names a user's tool cannot have.
const RESERVED: [&str; 10] = [
    "get_job_status",
    "get_job_results",
    "list_jobs",
    "cancel_job",
    "get_job_logs",
    "retry_job",
    "get_state",
    "reset_state",
    "get_system_status",
    "answer_job",
];

/// Names the job id in front of 20 characters and fits all clients' limits on tool names.
const LONGEST_NAME: usize = 41;

/// The tool that options and function describe. To be used only if there are no problems.
pub fn tool(raw: &RawOptions, function: &RawFunction, problems: &Problems) -> Option<Tool> {
    let name = name(raw, function, problems);
    let runtime = raw
        .runtime
        .as_ref()
        .map(|slot| values::path(slot, problems));
    let options = Options {
        title: options::title(raw, problems),
        timeout: options::timeout(raw, problems),
        state_patch: options::state_patch(raw, problems),
        max_concurrent: options::max_concurrent(raw, problems),
        priority: options::priority(raw, problems),
        pass_env: options::pass_env(raw, problems),
        retries: repeats::retries(raw, problems),
        dedupe: repeats::dedupe(raw, problems),
        inline: repeats::inline(raw, problems),
        task: options::task(raw, problems),
        flavor: options::flavor(raw, function, problems),
    };
    function::check(function, problems);
    let output: Option<Output> = function::output(function, problems);
    let parameters = parameters::parameters(function, problems);
    Some(Tool {
        runtime: runtime.flatten(),
        name: name?,
        description: function.docs.expression(),
        options,
        function: function.signature.ident.clone(),
        is_async: function.signature.asyncness.is_some(),
        lints: function::lints(function),
        parameters,
        output: output?,
    })
}

/// The tool's name: as given, else the function's.
fn name(raw: &RawOptions, function: &RawFunction, problems: &Problems) -> Option<String> {
    let ident = &function.signature.ident;
    let (name, at) = match &raw.name {
        Some(slot) => {
            let text = values::text(slot, "a text in quotes", problems)?;
            (text.value(), text.to_token_stream())
        }
        None => (ident.unraw().to_string(), ident.to_token_stream()),
    };
    let problem = name_problem(&name);
    let Some(problem) = problem else {
        return Some(name);
    };
    problems.report(at, problem);
    None
}

fn name_problem(name: &str) -> Option<Problem> {
    if !values::is_plain(name) {
        Some(Problem::BadToolName {
            name: name.to_owned(),
            suggestion: values::plain(name, LONGEST_NAME),
        })
    } else if name.len() > LONGEST_NAME {
        Some(Problem::LongToolName {
            name: name.to_owned(),
            length: name.len().to_string(),
        })
    } else if RESERVED.contains(&name) {
        Some(Problem::ReservedToolName {
            name: name.to_owned(),
        })
    } else {
        None
    }
}
