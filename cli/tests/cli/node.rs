//! Node programs under `llmlab run`. A package that stands for llmlab tells what was asked of it; the real one is tested
//! with its addon.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::home::{Answer, Home};

/// What `llmlab/register` leaves when it is the stand-in: a line for each thread.
const STAND_IN: &str = "
const { isMainThread } = require('node:worker_threads');
require('node:fs').appendFileSync(process.env.SEEN, isMainThread ? 'process\\n' : 'worker\\n');
";

struct Application {
    home: Home,
    node: String,
    folder: PathBuf,
}

impl Application {
    /// `None`, loudly, where there is no Node to test with.
    #[expect(clippy::print_stderr, reason = "what was not tested must be heard of")]
    fn new(register: Option<&str>) -> Option<Self> {
        let script = "if (parseInt(process.versions.node) < 18) process.exit(1); console.log(process.execPath)";
        let node = Command::new("node").args(["-e", script]).output().ok().filter(|found| found.status.success());
        let Some(node) = node else {
            eprintln!("SKIPPED: there is no node of version 18 or newer, so `llmlab run node` is NOT TESTED");
            return None;
        };
        let home = Home::new();
        // A path that has to be quoted.
        let folder = home.path().join("an \"application\"");
        std::fs::create_dir_all(&folder).unwrap();
        if let Some(register) = register {
            install(&folder, register);
        }
        Some(Self { home, node: String::from_utf8(node.stdout).unwrap().trim().to_owned(), folder })
    }

    fn write(&self, name: &str, text: &str) -> String {
        let file = self.folder.join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    }

    fn run(&self, arguments: &[&str]) -> Answer {
        self.run_with(arguments, "")
    }

    fn run_with(&self, arguments: &[&str], node_options: &str) -> Answer {
        let mut command = self.home.command([&["run"], arguments].concat());
        // The private file lies in there as well.
        command.env("LLMLAB_HOME", self.folder.join("home"));
        self.started(command, node_options)
    }

    fn plainly(&self, arguments: &[&str]) -> Answer {
        let mut command = Command::new(arguments[0]);
        command.args(&arguments[1..]);
        self.started(command, "")
    }

    fn started(&self, mut command: Command, node_options: &str) -> Answer {
        command.current_dir(&self.folder).env("SEEN", self.seen()).env("NODE_OPTIONS", node_options);
        Answer::of(&mut command)
    }

    fn seen(&self) -> PathBuf {
        self.home.path().join("seen")
    }

    fn instrumented(&self) -> Vec<String> {
        std::fs::read_to_string(self.seen()).unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

fn install(folder: &Path, register: &str) {
    let package = folder.join("node_modules/llmlab");
    std::fs::create_dir_all(package.join("dist")).unwrap();
    let manifest = r#"{"name":"llmlab","exports":{"./register":"./dist/register.js"}}"#;
    std::fs::write(package.join("package.json"), manifest).unwrap();
    std::fs::write(package.join("dist/register.js"), register).unwrap();
}

#[test]
fn a_process_is_tapped_and_otherwise_as_it_was() {
    let Some(application) = Application::new(Some(STAND_IN)) else { return };
    let look = "console.log(process.argv, process.execArgv, Object.keys(process.mainModule.children)); process.exit(3)";
    let script = application.write("app.js", look);
    let arguments = [application.node.as_str(), "--no-warnings", script.as_str(), "--json"];
    let plain = application.plainly(&arguments);
    let tapped = application.run(&arguments);
    assert_eq!((tapped.code, tapped.stdout), (plain.code, plain.stdout));
    assert_eq!(application.instrumented(), ["process"]);
    assert_eq!(
        tapped.stderr,
        "llmlab  no LLM calls seen: the program called no known provider through fetch or node:http\n"
    );
}

#[test]
fn ones_own_options_are_kept() {
    let Some(application) = Application::new(Some(STAND_IN)) else { return };
    application.write("own.cjs", "console.log('own')");
    let script = application.write("app.mjs", "console.log(process.env.NODE_OPTIONS)");
    let options = "--require ./own.cjs --no-warnings";
    let answer = application.run_with(&["--quiet", &application.node, &script], options).well();
    let lines: Vec<_> = answer.stdout.lines().collect();
    assert!(lines[0] == "own" && lines[1].ends_with(&format!("preload.cjs\" {options}")), "{lines:?}");
}

#[test]
fn child_processes_and_workers_are_tapped_too() {
    let Some(application) = Application::new(Some(STAND_IN)) else { return };
    application.write("child.mjs", "process.exitCode = 5");
    let script = application.write(
        "app.mjs",
        "import { fork } from 'node:child_process';
         import { Worker } from 'node:worker_threads';
         new Worker('0', { eval: true }).on('exit', () => fork('child.mjs').on('exit', (code) => process.exit(code)));",
    );
    let answer = application.run(&["--quiet", &application.node, &script]);
    assert_eq!((answer.code, answer.stderr.as_str()), (Some(5), ""));
    assert_eq!(application.instrumented(), ["process", "worker", "process"]);
}

#[test]
fn a_program_without_llmlab_is_named_once_with_the_fix() {
    let Some(application) = Application::new(None) else { return };
    let script =
        application.write("app.js", "console.log(1); new (require('worker_threads').Worker)('0', { eval: true })");
    let shell = format!("'{node}' '{script}'; '{node}' '{script}'; exit 4", node = application.node);
    let answer = application.run(&["sh", "-c", &shell]);
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(4), "1\n1\n"));
    let expected = format!(
        "llmlab: {script} cannot import llmlab; run: npm install llmlab\n\
         llmlab  no LLM calls seen: {script} cannot import llmlab\n"
    );
    assert_eq!(answer.stderr, expected);
}

#[test]
fn the_llmlab_of_the_command_stands_in_for_one_that_is_not_installed() {
    let Some(application) = Application::new(None) else { return };
    let elsewhere = Home::new();
    install(elsewhere.path(), STAND_IN);
    let script = application.write("app.js", "");
    let mut command = application.home.command(["run", "--quiet", &application.node, &script]);
    command.env("LLMLAB_RUN_PACKAGE", elsewhere.path().join("node_modules/llmlab"));
    application.started(command, "").well();
    assert_eq!(application.instrumented(), ["process"]);
}

#[test]
fn a_broken_llmlab_stops_no_program() {
    for register in ["throw new Error('no addon\\nand more')", "throw 'no addon\\nand more'", "no addon\nand more"] {
        let Some(application) = Application::new(Some(register)) else { return };
        let script = application.write("app.mjs", "console.log(1)");
        let answer = application.run(&["--quiet", &application.node, &script]);
        assert_eq!((answer.code, answer.stdout.as_str()), (Some(0), "1\n"));
        assert_eq!(answer.stderr.lines().count(), 1, "{}", answer.stderr);
        assert!(
            answer.stderr.contains("cannot use llmlab (") && answer.stderr.contains("--force"),
            "{}",
            answer.stderr
        );
    }
}

/// They are programs of Node that start others: nothing of ours in them, and no word about it.
#[test]
fn package_managers_are_left_alone() {
    for name in ["npm", "npm-cli.js", "npx-cli.js", "yarn-1.22.22.cjs", "yarn.js", "pnpm.cjs", "corepack"] {
        let Some(application) = Application::new(None) else { return };
        let script = application.write(name, "console.log(1)");
        let answer = application.run(&[&application.node, &script]);
        assert_eq!(answer.stdout, "1\n", "{name}: {}", answer.stderr);
        assert!(answer.stderr.starts_with("llmlab  no LLM calls seen: no Python or Node was started"), "{name}");
    }
}

#[test]
fn a_program_that_the_run_left_in_the_background_still_starts() {
    let Some(application) = Application::new(Some(STAND_IN)) else { return };
    let file = application.home.path().join("file");
    std::fs::write(&file, "").unwrap();
    let mut command = application.home.command(["run", "--quiet", "printenv", "NODE_OPTIONS"]);
    // No home can be made there, so the private file lies among the temporary ones.
    command.env("LLMLAB_HOME", file.join("home")).env("TMPDIR", application.home.path());
    let options = application.started(command, "").stdout;
    assert!(options.contains("llmlab-node-"), "{options}");
    let script = application.write("app.js", "console.log(1)");
    let mut command = Command::new(&application.node);
    command.arg(script);
    let answer = application.started(command, options.trim()).well();
    assert_eq!(answer.stdout, "1\n");
}
