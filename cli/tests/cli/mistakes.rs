//! Wrong usage, and homes that cannot be used.

use serde_json::Value;

use crate::home::{Answer, Home};

#[test]
fn wrong_usage_is_2_and_names_the_value() {
    let home = Home::new();
    for (arguments, named) in [
        (&["--bogus"][..], "--bogus"),
        (&["bogus"], "bogus"),
        (&["status", "--since", "last tuesday"], "last tuesday"),
        (&["status", "--until", "7y"], "7y"),
        (&["export", "--format", "csv"], "csv"),
        (&["price", "gpt-5-mini"], "--input"),
        (&["price", "gpt-5-mini", "--input", "-1"], "-1"),
        (&["price", "gpt-5-mini", "--usage", "inputs=1"], "inputs"),
        (&["price", "gpt-5-mini", "--usage", "input=1.5"], "1.5"),
        (&["run"], "<CMD>"),
        (&["run", "--tag", "team", "true"], "team"),
        (&["run", "--tag", "team=a,b", "true"], "a,b"),
    ] {
        let answer = home.llmlab(arguments);
        assert_eq!((answer.code, answer.stdout.as_str()), (Some(2), ""), "{arguments:?}: {}", answer.stderr);
        assert!(answer.stderr.contains(named), "{arguments:?}: {}", answer.stderr);

        let answer = home.llmlab([&["--json"], arguments].concat());
        let error: Value = serde_json::from_str(&answer.stderr).unwrap();
        assert_eq!((answer.code, &error["error"]["code"]), (Some(2), &Value::from("usage")), "{arguments:?}");
    }
}

#[test]
fn help_tells_the_exit_codes_and_the_times() {
    let home = Home::new();
    let help = home.llmlab(["--help"]).well().stdout;
    assert!(help.contains("128 + N") && help.contains("127") && help.contains("126"), "{help}");
    let help = home.llmlab(["status", "--help"]).well().stdout;
    assert!(help.contains("today") && help.contains("local time zone"), "{help}");
    assert!(home.llmlab(["--version"]).well().stdout.starts_with("llmlab 0."));
}

#[test]
fn a_home_that_cannot_be_made_fails_with_its_path() {
    let home = Home::new();
    let file = home.path().join("file");
    std::fs::write(&file, "").unwrap();
    let impossible = file.join("home");
    for command in ["status", "export", "init"] {
        let answer = Answer::of(home.command([command]).env("LLMLAB_HOME", &impossible));
        assert_eq!((answer.code, answer.stdout.as_str()), (Some(1), ""), "{command}");
        assert!(answer.stderr.contains(impossible.to_str().unwrap()), "{command}: {}", answer.stderr);
    }
}

#[test]
fn a_config_that_cannot_be_used_is_named() {
    let home = Home::new();
    std::fs::write(home.path().join("config.json"), r#"{"proyect":"shop"}"#).unwrap();
    let answer = home.llmlab(["price", "gpt-5-mini", "--input", "1"]);
    assert_eq!(answer.code, Some(1));
    assert!(answer.stderr.contains("config.json") && answer.stderr.contains("proyect"), "{}", answer.stderr);
}

#[test]
fn a_price_file_that_cannot_be_used_is_named_with_its_line() {
    let home = Home::new();
    let file = home.path().join("our-prices.jsonl");
    std::fs::write(&file, "\n{\"id\":\"x\"}\n").unwrap();
    let answer = Answer::of(home.command(["price", "gpt-5-mini", "--input", "1"]).env("LLMLAB_PRICES", &file));
    assert_eq!(answer.code, Some(1));
    for words in [file.to_str().unwrap(), "line 2", "it lacks \"provider\""] {
        assert!(answer.stderr.contains(words), "{words}: {}", answer.stderr);
    }
}
