//! The blocks that are not run, counted: `book/unrun.txt` lists them, so that each is seen in review.

use std::collections::BTreeMap;
use std::fmt::Write;

use bgjob_book::{chapters, root};

use crate::{blessing, none};

/// The reasons that there may be.
const REASONS: [&str; 6] = [
    "captured in a terminal",
    "configuration of a client",
    "needs a client",
    "needs the network",
    "needs a checkout",
    "a sketch",
];

#[test]
fn every_block_that_is_not_run_is_listed_with_a_known_reason() {
    let (mut counts, mut unknown) = (BTreeMap::new(), Vec::new());
    for chapter in chapters() {
        for block in chapter.blocks() {
            let Some(reason) = block.not_run() else {
                continue;
            };
            if !REASONS.contains(&reason) {
                unknown.push(format!("{}:{}: `{reason}`", chapter.path, block.line));
            }
            let key = (chapter.path.clone(), reason.to_owned());
            *counts.entry(key).or_insert(0) += 1;
        }
    }
    none("reasons that are not in the list", &unknown);
    let mut list = String::new();
    for ((path, reason), count) in counts {
        let _ = writeln!(list, "{path}: {count} {reason}");
    }
    let path = root().join("book/unrun.txt");
    if blessing() {
        std::fs::write(&path, &list).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        list, known,
        "run this test with BLESS=1 and look at the change"
    );
}
