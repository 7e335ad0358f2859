//! The pages of the book that are made from the code. `BLESS=1` writes them anew.

use std::fmt::Write;
use std::path::Path;

use bgjob_runtime::Code;

const HEAD: &str = "# Error codes\n
Every refusal and every failed job carries one code of this closed list, a message that names the thing, and mostly a
remedy. A *retryable* call may succeed later without being changed. A failed job's error is in its view, in `error.json`
of its folder, and in `jobs show`; a refusal means that no job exists.\n\n";

fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("| code | what it means | retryable |\n|---|---|---|\n");
    for code in Code::ALL {
        let retryable = if code.retryable() { "yes" } else { "" };
        let _ = writeln!(page, "| `{code}` | {} | {retryable} |", code.about());
    }
    page
}

#[test]
fn the_page_of_error_codes_is_made_from_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../book/src/reference/error-codes.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&path).unwrap_or_default(),
        page(),
        "run this test with BLESS=1"
    );
}
