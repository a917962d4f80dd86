//! Node: a file that `NODE_OPTIONS` has every process and every worker thread require.
//!
//! Not `--import`: a Node that does not know an option in there refuses to start, and this one is older than any Node.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::written;
use crate::folder::temporary;

const NODE_OPTIONS: &str = "NODE_OPTIONS";

pub(super) const CLIENTS: &[&str] = &["fetch", "node:http"];

/// The file outlives the run wherever it lies: a program that the run left in the background could start no Node without it.
pub(super) fn lay(home: Option<&Path>) -> io::Result<PathBuf> {
    const NAME: &str = "preload.cjs";
    let write = |folder| written(folder, NAME, include_str!("preload.cjs"));
    let version = concat!("node-", env!("CARGO_PKG_VERSION"));
    let folder = match home.map(|home| write(home.join("run").join(version))) {
        Some(Ok(folder)) => folder,
        _ => write(temporary("llmlab-node-")?.keep())?,
    };
    Ok(folder.join(NAME))
}

pub(super) fn apply(preload: &Path, command: &mut Command) {
    #[expect(clippy::disallowed_methods, reason = "a path is not text, and is handed on byte for byte")]
    let inherited = std::env::var_os(NODE_OPTIONS).unwrap_or_default();
    command.env(NODE_OPTIONS, first_in_options(preload, &inherited));
}

/// Options are parted by spaces; within double quotes (since Node 12) a backslash takes the next character
/// as it is.
fn first_in_options(preload: &Path, inherited: &OsStr) -> OsString {
    let mut options = OsString::from("--require ");
    match preload.to_str() {
        Some(path) if path.contains([' ', '"']) => {
            options.push(format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\"")));
        }
        _ => options.push(preload),
    }
    let ours = options.as_encoded_bytes();
    let rest = inherited.as_encoded_bytes().strip_prefix(ours);
    if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b" ")) {
        return inherited.to_owned();
    }
    if !inherited.is_empty() {
        options.push(" ");
        options.push(inherited);
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(preload: &str, inherited: &str) -> String {
        first_in_options(Path::new(preload), OsStr::new(inherited)).into_string().unwrap()
    }

    #[test]
    fn the_file_is_first_and_never_twice() {
        let ours = "--require /home/ann/.llmlab/run/node-1/preload.cjs";
        let options = |inherited: &str| options("/home/ann/.llmlab/run/node-1/preload.cjs", inherited);
        assert_eq!(options(""), ours);
        assert_eq!(options("--max-old-space-size=64"), format!("{ours} --max-old-space-size=64"));
        assert_eq!(options(&options("-r x")), options("-r x"));
        assert_eq!(options(ours), ours);
        assert_eq!(options(&format!("{ours}x")), format!("{ours} {ours}x"));
    }

    #[test]
    fn a_path_with_spaces_is_quoted() {
        assert_eq!(options("/a b/p.cjs", "-r x"), r#"--require "/a b/p.cjs" -r x"#);
        assert_eq!(options(r#"/a "b"\c/p.cjs"#, ""), r#"--require "/a \"b\"\\c/p.cjs""#);
    }
}
