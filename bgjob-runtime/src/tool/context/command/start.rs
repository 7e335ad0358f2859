//! Why a program cannot be started, and what to do about it.

use std::io;
use std::path::Path;

use super::Command;

/// The reason and the remedy in one sentence. exec(2) says "no such file" of many things.
pub fn reason(command: &Command, dir: &Path, error: &io::Error) -> String {
    let path = Path::new(&command.program);
    if !dir.is_dir() {
        return format!("its working directory `{}` does not exist", dir.display());
    }
    match error.kind() {
        io::ErrorKind::NotFound if is_bare(path) => {
            let path = command.search_path();
            format!(
                "no program of that name is on the job's PATH ({path}); install it, name it by its full path, or start the server with a PATH that has it"
            )
        }
        io::ErrorKind::NotFound if dir.join(path).exists() => {
            "the interpreter that its first line names does not exist; install that, or run the file with one that does".to_owned()
        }
        io::ErrorKind::NotFound => {
            format!("there is no such file, seen from `{}`; correct the path", dir.display())
        }
        io::ErrorKind::PermissionDenied => {
            "it may not be executed; run `chmod +x` on it, or name its interpreter as the program and the file as the first argument".to_owned()
        }
        _ if error.raw_os_error() == Some(libc::ENOEXEC) => {
            "it is neither a binary of this machine nor a script with a `#!` line; name its interpreter as the program and the file as the first argument".to_owned()
        }
        _ if error.raw_os_error() == Some(libc::E2BIG) => {
            "its arguments and environment are too long; pass the data by `stdin` or in a file".to_owned()
        }
        _ => error.to_string(),
    }
}

/// Whether it is looked for on the PATH.
fn is_bare(program: &Path) -> bool {
    program.components().count() == 1 && !program.to_string_lossy().contains('/')
}
