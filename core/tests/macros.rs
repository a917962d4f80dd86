//! The attribute `track_cost`, on the functions that people write.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Display;
use std::num::ParseIntError;

use llmlab::{Llmlab, scope, set_global, track_cost};

fn lab() -> (Llmlab, tempfile::TempDir) {
    let home = tempfile::tempdir().unwrap();
    (Llmlab::builder().home(home.path()).build().unwrap(), home)
}

/// The labels of the current scope.
fn labels() -> String {
    let Some(scope) = scope::current() else { return "outside".to_owned() };
    let attribution = scope.attribution();
    let text = |label: &Option<String>| label.clone().unwrap_or_default();
    let tags: Vec<_> = attribution.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    [text(&attribution.feature), text(&attribution.user), text(&attribution.session), tags.join(" ")].join(",")
}

#[track_cost]
fn bare() -> String {
    labels()
}

#[track_cost(feature = "search", user = user, session = format!("s-{user}"), tags = [("tier", tier)])]
fn labelled<'a>(user: &'a str, tier: &str) -> (&'a str, String) {
    (user, labels())
}

#[track_cost(feature = "parse")]
async fn fallible(text: String) -> Result<(u8, String), ParseIntError> {
    let number = text.parse()?;
    tokio::task::yield_now().await;
    if number == 0 {
        return Ok((0, "zero".to_owned()));
    }
    Ok((number, labels()))
}

#[track_cost(feature = "opaque")]
async fn opaque() -> impl Display {
    labels()
}

#[track_cost(feature = "nothing")]
async fn nothing() {
    assert_eq!(labels(), "nothing,,,");
}

struct Desk {
    lab: Llmlab,
    name: &'static str,
}

impl Desk {
    #[track_cost(lab = self.lab, feature = self.name)]
    fn answer(&self) -> String {
        labels()
    }

    #[track_cost(lab = self.lab, feature = self.name)]
    async fn answer_later<T: Into<String> + Send>(&mut self, words: T) -> String {
        let words: String = words.into();
        self.name = "changed";
        format!("{words} {}", labels())
    }
}

// One test, because the global client is the process's.
#[test]
fn a_function_is_a_scope_of_the_client_around_it() {
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    assert_eq!(bare(), "outside");
    assert_eq!(runtime.block_on(fallible("7".to_owned())).unwrap().1, "outside");

    let (other, _home) = lab();
    let mut desk = Desk { lab: other.clone(), name: "desk" };
    assert_eq!(desk.answer(), "desk,,,");
    assert_eq!(runtime.block_on(desk.answer_later("well")), "well desk,,,");
    assert_eq!(other.track().user("u9").in_scope(bare), ",u9,,");

    let (global, _home) = lab();
    assert!(set_global(global).is_none());
    assert_eq!(bare(), ",,,");
    assert_eq!(labelled("u1", "free"), ("u1", "search,u1,s-u1,tier=free".to_owned()));
    let parsed = runtime.block_on(async { tokio::spawn(fallible("7".to_owned())).await.unwrap() });
    assert_eq!(parsed.unwrap(), (7, "parse,,,".to_owned()));
    assert!(runtime.block_on(fallible("x".to_owned())).is_err());
    assert_eq!(runtime.block_on(fallible("0".to_owned())).unwrap().1, "zero");
    assert_eq!(runtime.block_on(opaque()).to_string(), "opaque,,,");
    runtime.block_on(nothing());
    assert!(scope::current().is_none());
}
