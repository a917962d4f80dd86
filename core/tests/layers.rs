//! The layers of ARCHITECTURE.md, asserted: a module may use only modules of its own layer's allowance.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each layer with the layers it may use. Meaning and delivery do not know each other.
const LAYERS: &[(&str, &[&str], &[&str])] = &[
    ("vocabulary", &["error", "event", "moment", "money", "usage"], &["vocabulary"]),
    ("meaning", &["catalogue", "exchange", "price", "provider", "wire"], &["vocabulary", "meaning"]),
    (
        "delivery",
        &[
            "backoff", "clock", "fold", "fork", "http", "io", "later", "ledger", "lock", "outbox", "protocol", "ring",
            "sink", "spool",
        ],
        &["vocabulary", "delivery"],
    ),
    ("report", &["report"], &["vocabulary", "delivery", "report"]),
    (
        "surface",
        &["builder", "config", "engine", "global", "notices", "pricelist", "scope", "stats", "track", "transport"],
        &["vocabulary", "meaning", "delivery", "report", "surface"],
    ),
];

#[test]
fn imports_point_downward_only() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = BTreeSet::new();
    for file in rust_files(&source) {
        let module = module_of(&source, &file);
        if module == "lib" {
            continue;
        }
        let (layer, _, allowed) =
            layer_of(&module).unwrap_or_else(|| panic!("{module} is in no layer: add it to this test"));
        seen.insert(module.clone());
        let text = fs::read_to_string(&file).unwrap();
        assert!(
            !text.contains("crate::{"),
            "{}: write `use crate::module::Name`, which this test can read",
            file.display()
        );
        for used in modules_used(&text) {
            let (used_layer, ..) =
                layer_of(&used).unwrap_or_else(|| panic!("{} uses the unknown {used}", file.display()));
            assert!(allowed.contains(used_layer), "{} ({layer}) uses {used} ({used_layer})", file.display());
        }
    }
    let listed: BTreeSet<String> =
        LAYERS.iter().flat_map(|(_, modules, _)| modules.iter().map(ToString::to_string)).collect();
    assert_eq!(seen, listed, "the layers list modules that do not exist, or miss some");
}

/// They share what is above them; a provider may speak the dialect of another one, a constant.
#[test]
fn sinks_and_providers_do_not_know_their_siblings() {
    for folder in ["provider", "sink"] {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
        let files = rust_files(&home);
        // What lies deeper belongs to one of them, and its files may know one another.
        let names = files.iter().filter(|file| file.parent() == Some(&*home));
        let names: Vec<_> = names.map(|file| file.file_stem().unwrap().to_string_lossy().into_owned()).collect();
        let shared = ["custom", "definition", "dialect", "registered", "registry", "settings", "shape", "verdict"];
        for file in files.iter().filter(|file| shared.iter().all(|name| !file.ends_with(format!("{name}.rs")))) {
            let text = fs::read_to_string(file).unwrap();
            for sibling in
                names.iter().filter(|name| !shared.contains(&name.as_str()) && !file.ends_with(format!("{name}.rs")))
            {
                for (at, path) in text.match_indices(&format!("super::{sibling}::")) {
                    let first = text[at + path.len()..].chars().next();
                    assert!(first.is_some_and(char::is_uppercase), "{} uses {sibling}", file.display());
                }
                let own_folder = file.parent().is_some_and(|parent| parent.ends_with(sibling));
                let used = text.contains(&format!("use crate::{folder}::{sibling}::"));
                assert!(own_folder || !used, "{} uses {sibling}", file.display());
            }
        }
    }
}

fn layer_of(module: &str) -> Option<&'static (&'static str, &'static [&'static str], &'static [&'static str])> {
    LAYERS.iter().find(|(_, modules, _)| modules.contains(&module))
}

fn module_of(source: &Path, file: &Path) -> String {
    let first = file.strip_prefix(source).unwrap().components().next().unwrap();
    Path::new(first.as_os_str()).file_stem().unwrap().to_string_lossy().into_owned()
}

/// The top-level modules after `crate::`.
fn modules_used(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let word = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.match_indices("crate::").map(|(at, _)| word(&line[at + 7..])).collect::<Vec<_>>())
        .filter(|name| name.chars().next().is_some_and(char::is_lowercase))
        .collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
