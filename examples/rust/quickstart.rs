//! Cost per feature, user and trace, in the application's own code.
//!
//! `python examples/stand_in.py cargo run -p llmlab-examples --bin quickstart`

use std::error::Error;

use llmlab::transport::reqwest::Tap;
use llmlab::{Dimension, Llmlab, Usage, track_cost};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use serde_json::{Value, json};

#[track_cost(feature = "greeting", user = user)]
async fn greet(client: &ClientWithMiddleware, user: &str) -> Result<String, Box<dyn Error>> {
    let url = format!("{}/chat/completions", std::env::var("OPENAI_BASE_URL")?);
    let messages = json!([{"role": "user", "content": format!("Greet {user} in one sentence.")}]);
    let request = client.post(url).json(&json!({"model": "gpt-5-mini", "messages": messages}));
    let answer: Value = request.send().await?.json().await?;
    Ok(answer["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // reqwest's default features bring a provider of cryptography along; this workspace does without.
    let _ = rustls::crypto::ring::default_provider().install_default();

    let lab = Llmlab::builder().project("quickstart").init()?;
    let _exit = lab.exit_guard();
    let client = ClientBuilder::new(reqwest::Client::new()).with(Tap::new(&lab)).build();

    let party = lab.track().open();
    let welcome = async {
        for user in ["ann", "ben"] {
            greet(&client, user).await?;
        }
        Ok::<_, Box<dyn Error>>(())
    };
    party.instrument(async { lab.trace("welcome_party").kind("agent").try_instrument(welcome).await }).await?;

    println!("{} calls cost ${}", party.calls(), party.cost().ok_or("a call has no known cost")?);
    let big = Usage::new().with(Dimension::Input, 1_000_000).with(Dimension::Output, 50_000);
    println!("{} USD for a big one", lab.cost_of("openai", "gpt-5-mini", &big)?.total.ok_or("no price")?);
    Ok(())
}
