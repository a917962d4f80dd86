//! The `llmlab` command.

fn main() {
    std::process::exit(llmlab_cli::run(std::env::args_os()));
}
