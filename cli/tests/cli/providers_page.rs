//! The tables of docs/providers.md are what the code, the vectors and the recordings say.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::home::{Home, is_regenerating};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// How a provider was checked.
#[derive(Default)]
struct Checks {
    vectors: u32,
    states_cost: bool,
    recorded: Option<Value>,
}

fn checks() -> BTreeMap<String, Checks> {
    let folder = repository().join("core/conformance");
    let mut checks = BTreeMap::<String, Checks>::new();
    for file in std::fs::read_dir(folder.join("usage")).unwrap() {
        for vector in lines(&file.unwrap().path()).iter().filter(|vector| vector["definition"].is_null()) {
            let Some(provider) = vector["expect"]["provider"].as_str() else { continue };
            let checks = checks.entry(provider.to_owned()).or_default();
            checks.vectors += 1;
            // Where nothing is charged, nobody stated a cost.
            checks.states_cost |= vector["expect"]["provider_cost"].as_str().is_some_and(|cost| cost != "0");
        }
    }
    for figure in lines(&folder.join("recorded.jsonl")) {
        let provider = figure["provider"].as_str().unwrap().to_owned();
        checks.entry(provider).or_default().recorded = Some(figure);
    }
    checks
}

fn checked(covered: &Value) -> String {
    let mut checks = checks();
    let mut table =
        "| provider | vectors | recorded exchanges | states its cost | exceptions |\n|---|--:|--:|---|---|\n"
            .to_owned();
    let known = covered["providers"].as_array().unwrap().iter().map(|provider| provider["id"].as_str().unwrap());
    let mut row = |name: &str, checks: &Checks| {
        let figure = checks
            .recorded
            .as_ref()
            .map_or_else(String::new, |figure| format!("{} of {}", figure["good"], figure["of"]));
        let why = checks.recorded.iter().flat_map(|figure| figure["exceptions"].as_array().into_iter().flatten());
        let why: Vec<_> = why.map(|why| why.as_str().unwrap()).collect();
        let states = if checks.states_cost { "yes" } else { "" };
        let vectors = if checks.vectors == 0 { String::new() } else { checks.vectors.to_string() };
        writeln!(table, "| `{name}` | {vectors} | {figure} | {states} | {} |", why.join("; ")).unwrap();
    };
    for name in known {
        row(name, &checks.remove(name).unwrap_or_default());
    }
    // Recordings of whom nobody sells under a name of its own.
    for (name, checks) in &checks {
        row(name, checks);
    }
    table
}

fn replaced(page: &str, section: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- generated: {section} -->\n"), "<!-- end -->");
    let (before, rest) = page.split_once(&begin).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    format!("{before}{begin}{table}{end}{after}")
}

#[test]
fn the_tables_of_the_page_are_up_to_date() {
    let home = Home::new();
    let covered = home.llmlab(["providers", "--markdown"]).well().stdout;
    let json = home.llmlab(["providers", "--json"]).well().json();
    let path = repository().join("docs/providers.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let fresh = replaced(&replaced(&page, "covered", &covered), "checked", &checked(&json));
    if is_regenerating() {
        std::fs::write(path, fresh).unwrap();
    } else {
        assert!(page == fresh, "docs/providers.md is out of date: run `make docs` and commit it");
    }
}
