//! What comes into a program that links the crate. Cargo joins features: what is turned on here is turned on for everybody.

#![expect(clippy::unwrap_used, reason = "a test fails loudly")]

use std::process::Command;

/// The crates that a program gets with these features of ours, each with its own features.
fn tree(features: &str) -> Vec<(String, String)> {
    let arguments = ["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}|{f}"];
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let mut cargo = Command::new(env!("CARGO"));
    let output = cargo.args(arguments).args(["--manifest-path", manifest, "--features", features]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let crates = lines.lines().filter_map(|line| line.split_once('|'));
    crates.map(|(name, features)| (name.split(' ').next().unwrap().to_owned(), features.to_owned())).collect()
}

// Sabotage: `rustls` that is no longer optional; a feature of reqwest for the whole workspace.
#[test]
fn no_tls_comes_into_a_program_that_does_not_ask_for_it() {
    let crates = tree("macros,reqwest-middleware,tower");
    let tls = |name: &str| ["rustls", "native-tls", "aws-lc-rs", "openssl"].contains(&name);
    assert!(!crates.iter().any(|(name, _)| tls(name)), "{crates:?}");
    assert!(crates.iter().any(|(name, features)| name == "reqwest" && features.is_empty()), "{crates:?}");
    assert!(tree("https").iter().any(|(name, features)| name == "rustls" && features.contains("ring")));
}
