use std::fs;

use serde_json::Value;

use crate::home::Home;

fn found<'a>(page: &'a Value, id: &str) -> &'a Value {
    page["providers"].as_array().unwrap().iter().find(|provider| provider["id"] == id).unwrap()
}

#[test]
fn what_is_covered_is_listed_with_hosts_and_prices() {
    let home = Home::new();
    let page = home.llmlab(["providers"]).well().stdout;
    assert!(page.contains("openai") && page.contains("api.openai.com") && page.contains("embeddings"), "{page}");
    let json = home.llmlab(["providers", "--json"]).well().json();
    let anthropic = found(&json, "anthropic");
    assert!(anthropic["priced_models"].as_u64().unwrap() > 5 && anthropic["registered"] == false, "{anthropic}");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "a list leaves nothing behind");
}

#[test]
fn providers_prices_and_hosts_of_the_configuration_are_listed_too() {
    let home = Home::new();
    let file = home.path().join("providers.toml");
    let text = "
        [providers.acme]
        hosts = ['llm.acme.example']
        paths = '/v1/generate'
        usage = { input = 'usage.prompt' }

        [prices.'acme/acme-large']
        input = '0.5'
    ";
    fs::write(&file, text).unwrap();
    let config = serde_json::json!({"providers": file, "hosts": {"llm.internal:8443": "openai"}});
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let json = home.llmlab(["providers", "--json"]).well().json();
    let acme = found(&json, "acme");
    assert_eq!((&acme["registered"], &acme["priced_models"]), (&true.into(), &1.into()), "{acme}");
    assert!(found(&json, "openai")["hosts"].as_array().unwrap().contains(&"llm.internal:8443".into()));
    let one = home.llmlab(["providers", "ACME"]).well().stdout;
    assert!(one.contains("acme") && one.contains("llm.acme.example") && one.contains("its own"), "{one}");
}

#[test]
fn an_unknown_provider_is_told_the_known_ones() {
    let answer = Home::new().llmlab(["providers", "acme"]);
    assert_eq!((answer.code, &*answer.stdout), (Some(1), ""));
    assert!(answer.stderr.contains("\"acme\"") && answer.stderr.contains("openai, anthropic"), "{}", answer.stderr);
}
