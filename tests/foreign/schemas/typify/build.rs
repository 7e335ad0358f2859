//! Lets typify write the types of every schema below `BGJOB_EXPORTS`: one module a schema.

use std::path::{Path, PathBuf};
use std::{env, fs};

use typify::{TypeSpace, TypeSpaceSettings};

fn main() {
    println!("cargo::rerun-if-env-changed=BGJOB_EXPORTS");
    let exports = PathBuf::from(env::var_os("BGJOB_EXPORTS").expect("BGJOB_EXPORTS: a folder of exports"));
    let mut code = String::new();
    let mut names = Vec::new();
    for file in schemas(&exports) {
        println!("cargo::rerun-if-changed={}", file.display());
        let name = module(file.strip_prefix(&exports).expect("below the folder"));
        code += &format!("pub mod {name} {{\n{}\n}}\n", types(&file));
        names.push(name);
    }
    assert!(!names.is_empty(), "no schemas in {}", exports.display());
    code += &format!("pub const MODULES: &[&str] = &{names:?};\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("OUT_DIR"));
    fs::write(out.join("generated.rs"), code).expect("write the types");
}

/// The draft-07 twins: typify reads no newer dialect.
fn schemas(exports: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![exports.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.iter().any(|part| part == "draft-07") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn types(file: &Path) -> String {
    let text = fs::read_to_string(file).expect("a schema");
    let schema: schemars::schema::RootSchema = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut space = TypeSpace::new(TypeSpaceSettings::default().with_struct_builder(false));
    space
        .add_root_schema(schema)
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let parsed: syn::File = syn::parse2(space.to_stream()).expect("Rust");
    prettyplease::unparse(&parsed)
}

fn module(path: &Path) -> String {
    let text = path.to_string_lossy().replace(".schema.json", "");
    text.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
        .collect()
}
