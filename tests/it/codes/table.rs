//! What the book says of each code, beside what the program says itself.

use bgjob_runtime::Code;

/// Where a code comes from, and what helps.
pub fn words(code: Code) -> (&'static str, &'static str) {
    match code {
        Code::ToolError => (
            "The function ran and said no; the message is the error's `Display`, and its data is in `details` where the type implements `Serialize`.",
            "Read the message and the log, change the arguments, and call again.",
        ),
        Code::Panicked => (
            "An `unwrap`, an index out of bounds or a `panic!` in the function: a defect, so it is never tried again by itself.",
            "Mend the function. `RUST_BACKTRACE=1` in the submitter's environment puts the call stack into the log.",
        ),
        Code::Crashed => (
            "The process ended without a result: `process::exit`, an abort, a segmentation fault, or somebody's `kill`.",
            "Read the end of the log, which comes with the error. Where something from outside ended it, run it again.",
        ),
        Code::NoResult => (
            "The function, or a library under it, ended the process as if all were well.",
            "Return from the function instead of calling `process::exit`.",
        ),
        Code::BadResult => (
            "JSON has no NaN and no infinity, and a map's keys are texts. `at` points to the place.",
            "Return an `Option` that is `None` where there is no number.",
        ),
        Code::TimedOut => (
            "The job was asked to end at its timeout and killed ten seconds later, with all it had started.",
            "Ask for less, or give the tool a longer `timeout`. With checkpoints a retry goes on where the job was.",
        ),
        Code::SupervisorLost => (
            "The small process that watches the job was killed, and the job was killed with it: how it would have ended nobody can say.",
            "Run it again, or let the tool do so itself: `retries = 3`.",
        ),
        Code::HostRestarted => (
            "The ledger says that it ran in an earlier boot of this machine.",
            "Run it again, or let the tool do so itself: `retries = 3`.",
        ),
        Code::DependencyFailed => (
            "The job was to read a state field that the other would have written, or was submitted with `--after`. It never started.",
            "Mend and retry the other job, then submit this call again.",
        ),
        Code::InvalidState => (
            "The field was written by another version of the program, by hand, or by a tool whose result has another shape.",
            "Run the tool that writes the field again, or reset the field.",
        ),
        Code::OutOfMemory => (
            "The kernel, or the limit of the control group, chose the job to make room for others. Only that job ends.",
            "Run it again when there is more memory, or with less work; the setting `min_memory_mib` holds jobs back while memory is short.",
        ),
        Code::UnknownArgument => (
            "A misspelt argument would otherwise be dropped silently. `at` points to it, and `did_you_mean` names the nearest.",
            "Rename it and call again.",
        ),
        Code::MissingArgument => ("The tool has no default for it.", "Add it and call again."),
        Code::InvalidArgument => (
            "The value has the wrong type, is out of range, or contradicts another. `at` points to it.",
            "Change it and call again. `tools TOOL` describes every argument.",
        ),
        Code::MissingState => (
            "The tool reads a state field that nobody has written, and no live job will write.",
            "Run the tool that writes it; submit both at once if you like: the second waits for the first.",
        ),
        Code::UnknownField => (
            "Mostly a misspelt name: no tool of this program has anything to do with it.",
            "Take one of the fields that the message lists.",
        ),
        Code::QueueFull => (
            "Nothing is accepted that could not be kept; other users of the server are not affected.",
            "Wait for some jobs to end, cancel some, or raise `max_queued`.",
        ),
        Code::IdempotencyConflict => (
            "A key stands for one call: the same key with another input is a mistake in the caller.",
            "Use a new key for a new input.",
        ),
        Code::TooLarge => (
            "Arguments, a result, or the list of jobs in one call are above their limit.",
            "Put large data into files and pass their paths; `job.artifact(…)` is the place for large results.",
        ),
        Code::StorageError => (
            "The disk is full, the directory belongs to somebody else or is on a network file system, or the ledger is damaged.",
            "Do what the remedy says; `doctor` looks at everything and says what to type.",
        ),
        Code::JobNotFound => (
            "The id is misspelt, the job was deleted after its retention, or it is somebody else's: the three look the same.",
            "List the jobs.",
        ),
        Code::NotFinished => (
            "A result was asked for before there is one.",
            "Wait for the job's end, then ask again.",
        ),
        Code::AlreadyFinished => (
            "The job has ended in a way that what was asked for cannot be had any more.",
            "Retry the job.",
        ),
        Code::ResultExpired => (
            "The job completed, and its result was deleted since.",
            "Run the job again.",
        ),
        Code::PointerNotFound => (
            "The result or the state value has nothing at that place.",
            "Leave the pointer out to see what there is.",
        ),
        Code::ArtifactNotFound => (
            "The job made no file of that name, or what has the name is a link or a folder.",
            "`jobs artifacts ID` lists the files that there are.",
        ),
        Code::Declined => (
            "Only the function sees this code, from `job.ask`. One that passes it on fails with `tool_error`, and this code is in `details`.",
            "Run the tool again when somebody can answer, or let the function do without: `job.ask::<Option<T>>` gives `None` then.",
        ),
        Code::NoOpenQuestion => (
            "The question was answered before, the job has gone on, or it never asked.",
            "Look at what the job asks now with `jobs show`.",
        ),
        other => panic!("{other} has no words: write its cause and what helps"),
    }
}
