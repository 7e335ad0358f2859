//! Makes every chapter the documentation of a module, so that its Rust blocks are doc tests and none is forgotten.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let src = Path::new(&env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("src");
    println!("cargo::rerun-if-changed={}", src.display());
    let mut chapters = Vec::new();
    collect(&src, &mut chapters);
    chapters.sort();
    let mut modules = String::new();
    for chapter in chapters {
        let inside = chapter.strip_prefix(&src).expect("below src");
        let name = inside.with_extension("").display().to_string();
        let name = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let path = chapter.display().to_string();
        let _ = writeln!(modules, "#[doc = include_str!({path:?})]\nmod {name} {{}}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("chapters.rs"), modules).expect("OUT_DIR can be written");
}

fn collect(folder: &Path, chapters: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, chapters);
        } else if path.extension().is_some_and(|end| end == "md")
            && path.file_name().is_some_and(|name| name != "SUMMARY.md")
        {
            chapters.push(path);
        }
    }
}
