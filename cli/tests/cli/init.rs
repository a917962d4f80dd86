use serde_json::{Value, json};

use crate::home::Home;

fn settings(home: &Home) -> Value {
    serde_json::from_str(&std::fs::read_to_string(home.path().join("config.json")).unwrap()).unwrap()
}

#[test]
fn it_writes_a_config_that_is_used_and_twice_is_once() {
    let home = Home::new();
    let arguments = ["init", "--project", "shop", "--environment", "production"];
    let first = home.llmlab(arguments).well();
    assert!(first.stdout.contains("llmlab run python app.py"), "{}", first.stdout);
    assert_eq!(settings(&home), json!({ "project": "shop", "environment": "production" }));
    let second = home.llmlab(arguments).well();
    assert!(second.stdout.starts_with("Nothing to change"), "{}", second.stdout);
    home.llmlab(["init"]).well();
    assert_eq!(home.llmlab(["init", "--json"]).well().json()["written"], false);
    let config = llmlab::Config::resolve(llmlab::Options::default(), &|name| {
        (name == "LLMLAB_HOME").then(|| home.path().to_str().unwrap().to_owned())
    });
    assert_eq!(config.unwrap().project, "shop");
}

#[test]
fn a_file_that_is_there_changes_only_by_force_and_keeps_the_rest() {
    let home = Home::new();
    std::fs::write(home.path().join("config.json"), r#"{"project":"shop","tags":{"team":"a"},"api_key":"k"}"#).unwrap();
    let answer = home.llmlab(["init", "--project", "bot"]);
    assert_eq!(answer.code, Some(1));
    assert!(answer.stderr.contains("config.json") && answer.stderr.contains("--force"), "{}", answer.stderr);
    assert_eq!(settings(&home)["project"], "shop");

    let forced = home.llmlab(["init", "--project", "bot", "--force", "--json"]).well();
    assert!(!forced.stdout.contains("api_key"), "a key is never shown: {}", forced.stdout);
    assert_eq!(settings(&home), json!({ "project": "bot", "tags": { "team": "a" }, "api_key": "k" }));
}

#[test]
fn a_broken_file_is_replaced_only_by_force() {
    let home = Home::new();
    std::fs::write(home.path().join("config.json"), "{project: shop}").unwrap();
    assert_eq!(home.llmlab(["init"]).code, Some(1));
    home.llmlab(["init", "--force"]).well();
    assert_eq!(settings(&home), json!({ "project": "default" }));
}

#[test]
fn a_bad_name_is_wrong_usage() {
    let answer = Home::new().llmlab(["init", "--project", " "]);
    assert_eq!(answer.code, Some(2));
    assert!(answer.stderr.contains("project must be 1 to 200 bytes"), "{}", answer.stderr);
}

#[cfg(unix)]
#[test]
fn the_file_and_its_home_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let parent = Home::new();
    let home = parent.path().join("home");
    let mut init = parent.command(["init"]);
    assert!(init.env("LLMLAB_HOME", &home).output().unwrap().status.success());
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&home), mode(&home.join("config.json"))), (0o700, 0o600));
}
