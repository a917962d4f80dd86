//! Python programs under `llmlab run`. A package that stands for llmlab tells what was asked of it; the real one is
//! tested with its wheel.

use std::path::PathBuf;
use std::process::Command;

use crate::home::{Answer, Home};

/// What `import llmlab; llmlab.instrument()` leaves when it is the stand-in.
const STAND_IN: &str = "
import os
def instrument():
    with open(os.environ['SEEN'], 'a') as seen:
        seen.write('instrumented\\n')
";
const ABSENT: &str = "raise ModuleNotFoundError(\"No module named 'llmlab'\", name='llmlab')";

struct Application {
    home: Home,
    python: String,
    library: PathBuf,
}

impl Application {
    /// `None`, loudly, where there is no Python to test with.
    #[expect(clippy::print_stderr, reason = "what was not tested must be heard of")]
    fn new(package: &str) -> Option<Self> {
        let script = "import sys; assert sys.version_info >= (3, 10); print(sys.executable)";
        let python = Command::new("python3").args(["-c", script]).output().ok().filter(|found| found.status.success());
        let Some(python) = python else {
            eprintln!("SKIPPED: there is no python3 of version 3.10 or newer, so `llmlab run python` is NOT TESTED");
            return None;
        };
        let home = Home::new();
        let library = home.path().join("library");
        std::fs::create_dir_all(library.join("llmlab")).unwrap();
        std::fs::write(library.join("llmlab/__init__.py"), package).unwrap();
        Some(Self { home, python: String::from_utf8(python.stdout).unwrap().trim().to_owned(), library })
    }

    fn run(&self, arguments: &[&str]) -> Answer {
        self.started(self.home.command([&["run"], arguments].concat()))
    }

    fn plainly(&self, arguments: &[&str]) -> Answer {
        let mut command = Command::new(arguments[0]);
        command.args(&arguments[1..]);
        self.started(command)
    }

    fn started(&self, mut command: Command) -> Answer {
        command.env("PYTHONPATH", &self.library).env("SEEN", self.home.path().join("seen"));
        Answer::of(&mut command)
    }

    fn instrumented(&self) -> usize {
        std::fs::read_to_string(self.home.path().join("seen")).map_or(0, |seen| seen.lines().count())
    }
}

#[test]
fn an_interpreter_is_tapped_and_otherwise_as_it_was() {
    let Some(application) = Application::new(STAND_IN) else { return };
    let look = "import sys; print(sys.path, sys.modules.get('sitecustomize'), sys.flags); sys.exit(3)";
    let arguments = [application.python.as_str(), "-c", look];
    let plain = application.plainly(&arguments);
    let tapped = application.run(&arguments);
    assert_eq!((tapped.code, tapped.stdout), (plain.code, plain.stdout));
    assert_eq!(application.instrumented(), 1);
    assert_eq!(
        tapped.stderr,
        "llmlab  no LLM calls seen: the program called no known provider through httpx, requests, urllib3, boto3 or aiohttp\n"
    );
}

#[test]
fn ones_own_sitecustomize_is_loaded_as_ever() {
    let Some(application) = Application::new(STAND_IN) else { return };
    std::fs::write(application.library.join("sitecustomize.py"), "print('own', __name__, __file__)\nowned = 1")
        .unwrap();
    let look =
        "import sys, sitecustomize as s; print(s.owned, s.__file__, s is sys.modules['sitecustomize'], sys.path)";
    let arguments = [application.python.as_str(), "-c", look];
    let plain = application.plainly(&arguments);
    assert!(plain.stdout.starts_with("own sitecustomize"), "{}", plain.stdout);
    assert_eq!(application.run(&arguments).stdout, plain.stdout);
    assert_eq!(application.instrumented(), 1);

    std::fs::write(application.library.join("sitecustomize.py"), "raise ImportError('mine')").unwrap();
    let arguments = ["--quiet", application.python.as_str(), "-c", "pass"];
    let plain = application.plainly(&arguments[1..]);
    assert!(plain.stderr.contains("mine"), "{}", plain.stderr);
    assert_eq!(application.run(&arguments).stderr, plain.stderr);
    assert_eq!(application.instrumented(), 2);
}

#[test]
fn child_processes_and_virtual_environments_are_tapped_too() {
    let Some(application) = Application::new(STAND_IN) else { return };
    let environment = application.home.path().join("venv");
    let made =
        application.plainly(&[&application.python, "-m", "venv", "--without-pip", environment.to_str().unwrap()]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let python = environment.join("bin/python");
    let script =
        "import subprocess, sys; print(sys.prefix); sys.exit(subprocess.call([sys.executable, '-c', 'exit(5)']))";
    let answer = application.run(&["--quiet", python.to_str().unwrap(), "-c", script]);
    assert_eq!((answer.code, answer.stdout.trim()), (Some(5), environment.to_str().unwrap()), "{}", answer.stderr);
    assert_eq!(application.instrumented(), 2);
}

#[test]
fn an_interpreter_without_llmlab_is_named_once_with_the_fix() {
    let Some(application) = Application::new(ABSENT) else { return };
    let python = &application.python;
    let script = format!("{python} -c 'print(1)'; {python} -c 'print(2)'; exit 4");
    let answer = application.run(&["sh", "-c", &script]);
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(4), "1\n2\n"));
    let expected = format!(
        "llmlab: {python} cannot import llmlab; run: {python} -m pip install llmlab\n\
         llmlab  no LLM calls seen: {python} cannot import llmlab\n"
    );
    assert_eq!(answer.stderr, expected);
}

#[test]
fn a_broken_llmlab_stops_no_program() {
    for package in [
        "raise ImportError('libfoo.so is missing\\nand more')",
        "def instrument(): raise RuntimeError('libfoo.so is missing\\nand more')",
        "class Panic(BaseException): pass\nraise Panic('libfoo.so is missing\\nand more')",
    ] {
        let Some(application) = Application::new(package) else { return };
        let answer = application.run(&["--quiet", &application.python, "-c", "print(1)"]);
        assert_eq!((answer.code, answer.stdout.as_str()), (Some(0), "1\n"));
        assert_eq!(answer.stderr.lines().count(), 1, "{}", answer.stderr);
        assert!(answer.stderr.contains("libfoo.so is missing and more") && answer.stderr.contains("--force-reinstall"));
    }
}

#[test]
fn an_isolated_interpreter_runs_untapped() {
    let Some(application) = Application::new(STAND_IN) else { return };
    for option in ["-I", "-E", "-S"] {
        let answer = application.run(&[&application.python, option, "-c", "print(1)"]);
        assert_eq!((answer.code, answer.stdout.as_str()), (Some(0), "1\n"), "{option}");
        assert!(answer.stderr.contains("no Python or Node was started that can be tapped"), "{}", answer.stderr);
    }
    assert_eq!(application.instrumented(), 0);
}

/// The terminal sends Ctrl-C to the whole process group; the command must not add a second one.
#[cfg(unix)]
#[test]
fn ctrl_c_reaches_the_program_once() {
    let Some(application) = Application::new(STAND_IN) else { return };
    // What the command would forward of the SIGINT it forwards before the SIGUSR1 that is sent after it.
    let program = "
import os, signal
interrupts = []
signal.signal(signal.SIGINT, lambda *_: (interrupts.append(1), os.write(1, b'<interrupted>')))
def end(*_):
    os.write(1, b'<%d>' % len(interrupts))
    os._exit(7)
signal.signal(signal.SIGUSR1, end)
os.write(1, b'<ready>')
while True:
    signal.pause()
";
    let driver = "
import os, pty, signal, sys
def until(word):
    seen = b''
    while word not in seen:
        seen += os.read(terminal, 1000)
    return seen
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[1], sys.argv[1:])
until(b'<ready>')
os.write(terminal, b'\\x03')
until(b'<interrupted>')
os.kill(child, signal.SIGUSR1)
until(b'<1>')
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
";
    let mut command = application.home.command(["-"]);
    let exe = command.get_program().to_owned();
    command = Command::new(&application.python);
    command.args(["-c", driver]).arg(exe).args(["run", "--quiet", &application.python, "-c", program]);
    command.env("LLMLAB_HOME", application.home.path());
    let answer = application.started(command);
    assert_eq!((answer.code, answer.stderr.as_str()), (Some(7), ""), "{}", answer.stdout);
}
