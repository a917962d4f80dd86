use std::ffi::OsStr;
use std::io::{Read, Write};
use std::process::Stdio;

use llmlab::clock::SystemClock;
use llmlab::{Config, Llmlab, Options};
use serde_json::{Value, json};

use crate::home::{Answer, Home, call};

/// An application under `llmlab run`: this very test, started again. It is none of its own.
const APPLICATION: [&str; 3] = ["--ignored", "--exact", "run::an_application_that_makes_calls"];

#[test]
#[ignore = "other tests run it as a program"]
fn an_application_that_makes_calls() {
    let config = Config::load(Options::default()).unwrap();
    if config.run_id.is_none() {
        return;
    }
    let lab = Llmlab::new(config, std::sync::Arc::new(SystemClock)).unwrap();
    for (provider, model) in [("openai", "gpt-5-mini"), ("openai", "gpt-5-mini"), ("anthropic", "claude-sonnet-4-6")] {
        lab.record(call(provider, model), None);
    }
    // No shutdown: what it recorded is found after its end however it ended.
    std::process::abort();
}

fn application() -> Vec<String> {
    let program = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    std::iter::once(program).chain(APPLICATION.map(str::to_owned)).collect()
}

fn run<S: AsRef<OsStr>>(home: &Home, arguments: impl IntoIterator<Item = S>) -> Answer {
    let arguments: Vec<_> = arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect();
    home.llmlab([OsStr::new("run").to_owned()].into_iter().chain(arguments))
}

#[test]
fn a_configuration_that_the_program_could_not_use_is_said() {
    for (option, value, named) in [
        ("hosts", json!({"llm.internal": "opnai"}), "\"opnai\""),
        ("models", json!({"azure/prod": "gpt-55"}), "\"gpt-55\""),
        ("prices", json!("/nowhere/prices.jsonl"), "/nowhere/prices.jsonl"),
        ("providers", json!("/nowhere/providers.toml"), "/nowhere/providers.toml"),
    ] {
        let home = Home::new();
        std::fs::write(home.path().join("config.json"), json!({ option: value }).to_string()).unwrap();
        let answer = run(&home, ["true"]);
        assert_eq!(answer.code, Some(0), "{option}: the program runs all the same");
        let said = answer.stderr.lines().next().unwrap();
        assert!(said.starts_with("llmlab: ") && said.contains(named), "{option}: {said}");
    }
}

#[test]
fn files_of_the_environment_are_found_whatever_directory_the_program_changes_to() {
    let home = Home::new();
    let command = ["run", "--quiet", "sh", "-c", "cd / && cat \"$LLMLAB_PROVIDERS\" \"$LLMLAB_PRICES\""];
    for (name, text) in [("providers.toml", "# theirs"), ("prices.jsonl", "")] {
        std::fs::write(home.path().join(name), text).unwrap();
    }
    let files = [("LLMLAB_PROVIDERS", "providers.toml"), ("LLMLAB_PRICES", "prices.jsonl")];
    let answer = Answer::of(home.command(command).envs(files).current_dir(home.path()));
    assert_eq!((answer.code, &*answer.stdout, &*answer.stderr), (Some(0), "# theirs", ""));
}

#[test]
fn a_run_is_told_in_one_line_even_if_the_program_was_killed() {
    let home = Home::new();
    let answer = run(&home, application());
    assert_eq!(answer.code, Some(128 + 6), "aborted");
    let last = answer.stderr.lines().last().unwrap();
    assert_eq!(
        last,
        "llmlab  3 calls · $0.0130 · anthropic/claude-sonnet-4-6 $0.0105 · openai/gpt-5-mini $0.0025     (llmlab status)"
    );
    // The next run is counted by itself.
    let again: Value = {
        let arguments: Vec<_> = ["--json".to_owned()].into_iter().chain(application()).collect();
        serde_json::from_str(run(&home, arguments).stderr.lines().last().unwrap()).unwrap()
    };
    assert_eq!((&again["exit_code"], &again["total"]["calls"]), (&json!(134), &json!(3)));
    assert_eq!(again["total"]["cost_usd"].to_string(), "0.013");
    assert_eq!(again["models"][0]["model"], "claude-sonnet-4-6");
    assert_eq!(home.llmlab(["status", "--json"]).well().json()["total"]["calls"], 6);
}

#[test]
fn the_calls_belong_to_whom_the_command_line_says() {
    let home = Home::new();
    std::fs::write(home.path().join("config.json"), r#"{"tags":{"team":"a","tier":"free"}}"#).unwrap();
    let labels = "--quiet --feature chat --user ann --session s1 --project shop --tag team=b --tag x=y=z";
    let arguments: Vec<_> = labels.split(' ').map(str::to_owned).chain(application()).collect();
    let mut command = home.command([String::from("run")].into_iter().chain(arguments));
    let answer = Answer::of(command.env("LLMLAB_RUN_ID", "build-42"));
    assert!(!answer.stderr.contains("llmlab  "), "{}", answer.stderr);
    let lines = home.llmlab(["export"]).well().stdout;
    let event: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    let found = ["feature", "user", "session", "project", "run_id"].map(|field| event[field].as_str().unwrap());
    assert_eq!(found, ["chat", "ann", "s1", "shop", "build-42"]);
    assert_eq!(event["tags"], json!({ "team": "b", "tier": "free", "x": "y=z" }));
}

#[test]
fn every_run_has_an_id_of_its_own() {
    let home = Home::new();
    let id = || run(&home, ["--quiet", "printenv", "LLMLAB_RUN_ID"]).well().stdout;
    let (one, other) = (id(), id());
    assert!(one.len() > 16 && one != other, "{one} {other}");
}

#[test]
fn the_exit_code_is_that_of_the_program() {
    let home = Home::new();
    for (script, code) in
        [("exit 0", 0), ("exit 3", 3), ("exit 255", 255), ("kill -KILL $$", 137), ("kill -TERM $$", 143)]
    {
        assert_eq!(run(&home, ["--quiet", "sh", "-c", script]).code, Some(code), "{script}");
    }
    for (program, code, word) in [("no-such-program", 127, "no such program"), ("/", 126, "cannot be executed")] {
        let answer = run(&home, [program]);
        assert_eq!(answer.code, Some(code));
        assert!(answer.stderr.contains(program) && answer.stderr.contains(word), "{}", answer.stderr);
        assert_eq!(answer.stderr.lines().count(), 1, "no word about calls that never were: {}", answer.stderr);
    }
}

#[test]
fn the_program_has_the_input_and_output_to_itself() {
    let home = Home::new();
    let mut command = home.command(["run", "sh", "-c", "cat; echo oops >&2"]);
    let mut program = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let mut stdin = program.stdin.take().unwrap();
    let sent = bytes.clone();
    let sender = std::thread::Builder::new().spawn(move || stdin.write_all(&sent)).unwrap();
    let output = program.wait_with_output().unwrap();
    sender.join().unwrap().unwrap();
    assert!(output.stdout == bytes, "{} bytes came back", output.stdout.len());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("oops\nllmlab  no LLM calls seen: no Python or Node was started"), "{stderr}");
}

#[test]
fn options_after_the_program_are_the_programs() {
    let home = Home::new();
    let answer = run(&home, ["--quiet", "echo", "--json", "--quiet", "--", "-x"]).well();
    assert_eq!(answer.stdout, "--json --quiet -- -x\n");
}

#[test]
fn disabled_means_a_plain_program() {
    let home = Home::new();
    let script = "echo ${PYTHONPATH-none} ${LLMLAB_RUN_ID-none}; exit 3";
    let answer = Answer::of(home.command(["run", "sh", "-c", script]).env("LLMLAB_DISABLED", "1"));
    assert_eq!((answer.code, answer.stdout.as_str(), answer.stderr.as_str()), (Some(3), "none none\n", ""));
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn the_program_runs_whatever_is_wrong_with_us() {
    let home = Home::new();
    let file = home.path().join("file");
    std::fs::write(&file, "").unwrap();
    let script = "echo ${PYTHONPATH}; exit 3";
    let mut command = home.command(["run", "sh", "-c", script]);
    let answer = Answer::of(command.env("LLMLAB_HOME", file.join("home")).env("TMPDIR", home.path()));
    assert_eq!(answer.code, Some(3));
    assert!(answer.stdout.contains("llmlab-run-"), "the tap lies among the temporary files: {}", answer.stdout);
    assert!(!std::path::Path::new(answer.stdout.trim()).exists(), "and goes with the run");

    std::fs::write(home.path().join("config.json"), "{").unwrap();
    let answer = run(&home, ["sh", "-c", "exit 3"]);
    assert_eq!(answer.code, Some(3));
    assert!(answer.stderr.contains("config.json"), "{}", answer.stderr);

    let mut command = home.command(["run", "sh", "-c", "exit 3"]);
    let answer = Answer::of(command.env_remove("LLMLAB_HOME").env_remove("HOME").env("TMPDIR", home.path()));
    assert_eq!(answer.code, Some(3));
}

#[test]
fn a_relative_home_is_the_same_wherever_the_program_goes() {
    let home = Home::new();
    let mut command = home.command(["run", "--quiet", "sh", "-c", "cd /; echo $LLMLAB_HOME"]);
    let answer = Answer::of(command.current_dir(home.path()).env("LLMLAB_HOME", "here")).well();
    assert_eq!(answer.stdout.trim(), home.path().join("here").to_str().unwrap());
}

#[cfg(target_os = "linux")]
mod signals {
    use super::*;
    use std::process::{Child, ChildStdin};

    use llmlab::clock::Clock;

    /// `cat` under the command: it runs once its echo came back, and until its input is dropped.
    fn cat(home: &Home) -> (Child, ChildStdin) {
        let mut command = home.command(["run", "--quiet", "cat"]);
        let mut program = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdin = program.stdin.take().unwrap();
        stdin.write_all(b"!").unwrap();
        program.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        wait_for_handler(&program);
        (program, stdin)
    }

    /// The command forwards a signal once it has a handler for it.
    fn wait_for_handler(program: &Child) {
        let deadline = SystemClock.now().monotonic_ns + 30_000_000_000;
        let usr2 = 1_u64 << (12 - 1);
        loop {
            let status = std::fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap();
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
            if u64::from_str_radix(caught.trim(), 16).unwrap() & usr2 != 0 {
                return;
            }
            assert!(SystemClock.now().monotonic_ns < deadline, "no handler was installed");
            std::thread::yield_now();
        }
    }

    fn send(signal: &str, program: &Child) {
        let sent = std::process::Command::new("kill").args([signal, &program.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    #[test]
    fn a_signal_to_the_command_reaches_the_program() {
        let home = Home::new();
        // Not those that the shell of whoever tests may ignore (`make test &`, `nohup make test`).
        for (signal, code) in [("-TERM", 143), ("-USR1", 138)] {
            let (mut program, _stdin) = cat(&home);
            send(signal, &program);
            assert_eq!(program.wait().unwrap().code(), Some(code), "{signal}");
        }
    }

    #[test]
    fn what_a_shell_ignores_the_program_ignores() {
        let home = Home::new();
        let exe = env!("CARGO_BIN_EXE_llmlab");
        let script = format!("trap '' HUP INT; exec {exe} run --quiet sh -c 'kill -HUP $$; kill -INT $$; exit 7'");
        let mut shell = std::process::Command::new("sh");
        assert_eq!(shell.args(["-c", &script]).env("LLMLAB_HOME", home.path()).status().unwrap().code(), Some(7));
    }
}
