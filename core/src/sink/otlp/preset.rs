//! What is particular to each backend that speaks OTLP: the path of its endpoint, and where it wants its key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::{Endpoint, Secret};

/// A backend whose endpoint is known. `Otel` is everything else: a collector, or a server that follows the specification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Preset {
    #[default]
    Otel,
    Phoenix,
    Mlflow,
    Langfuse,
    Posthog,
    Datadog,
    Langsmith,
    Opik,
}

/// How a backend wants to be shown a key.
enum Key {
    /// `authorization: Bearer KEY`.
    Bearer,
    /// `authorization: Basic base64(KEY)`; the key is `PUBLIC:SECRET`.
    Basic,
    /// As the whole value of this header.
    Header(&'static str),
}

/// The end of every path but `PostHog`'s.
const TRACES: &str = "/v1/traces";

impl Preset {
    pub(crate) const ALL: [Self; 8] = [
        Self::Otel,
        Self::Phoenix,
        Self::Mlflow,
        Self::Langfuse,
        Self::Posthog,
        Self::Datadog,
        Self::Langsmith,
        Self::Opik,
    ];

    /// Its name in the configuration.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Otel => "otel",
            Self::Phoenix => "phoenix",
            Self::Mlflow => "mlflow",
            Self::Langfuse => "langfuse",
            Self::Posthog => "posthog",
            Self::Datadog => "datadog",
            Self::Langsmith => "langsmith",
            Self::Opik => "opik",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.name() == name)
    }

    /// The endpoint of a backend at this address, which may be its base or the whole. The caller adds the user's own
    /// headers behind those that are here: the last of a name counts.
    pub(crate) fn endpoint(self, url: &str, api_key: Option<Secret>) -> Endpoint {
        let mut headers: Vec<(String, Secret)> =
            self.headers().iter().map(|&(name, value)| (name.to_owned(), Secret(value.to_owned()))).collect();
        let mut bearer = None;
        match (self.key(), api_key) {
            (_, None) => {}
            (Key::Bearer, key) => bearer = key,
            (Key::Basic, Some(Secret(pair))) => {
                headers.push(("authorization".to_owned(), Secret(format!("Basic {}", STANDARD.encode(pair)))));
            }
            (Key::Header(name), Some(key)) => headers.push((name.to_owned(), key)),
        }
        Endpoint { url: self.url(url), headers, api_key: bearer, ca_file: None }
    }

    /// The address of traces below the one that was given, of which a part or all may be there already.
    fn url(self, given: &str) -> String {
        let given = given.trim_end_matches('/');
        let path = self.path();
        let base = path.strip_suffix(TRACES).unwrap_or_default();
        if given.ends_with(path) {
            given.to_owned()
        } else if !base.is_empty() && given.ends_with(base) {
            format!("{given}{TRACES}")
        } else {
            format!("{given}{path}")
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Otel | Self::Phoenix | Self::Mlflow | Self::Datadog => TRACES,
            Self::Langfuse => "/api/public/otel/v1/traces",
            Self::Posthog => "/i/v0/ai/otel",
            Self::Langsmith => "/otel/v1/traces",
            Self::Opik => "/api/v1/private/otel/v1/traces",
        }
    }

    const fn key(self) -> Key {
        match self {
            Self::Otel | Self::Phoenix | Self::Mlflow | Self::Posthog => Key::Bearer,
            Self::Langfuse => Key::Basic,
            Self::Datadog => Key::Header("dd-api-key"),
            Self::Langsmith => Key::Header("x-api-key"),
            Self::Opik => Key::Header("authorization"),
        }
    }

    /// Without these the backend refuses the request, or takes it for something else.
    const fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            // 422 without it; 0 is the experiment that always exists.
            Self::Mlflow => &[("x-mlflow-experiment-id", "0")],
            Self::Datadog => &[("dd-otlp-source", "llmobs")],
            Self::Otel | Self::Phoenix | Self::Langfuse | Self::Posthog | Self::Langsmith | Self::Opik => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Secret {
        Secret("pk-1:sk-2".to_owned())
    }

    #[test]
    fn every_preset_is_found_by_its_name() {
        for preset in Preset::ALL {
            assert_eq!(Preset::from_name(preset.name()), Some(preset));
        }
        assert_eq!(Preset::from_name("Phoenix"), None);
    }

    #[test]
    fn an_address_is_completed_wherever_it_was_cut() {
        for (preset, given, whole) in [
            (Preset::Otel, "http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            (Preset::Otel, "http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"),
            (Preset::Otel, "http://127.0.0.1:4318/v1/traces", "http://127.0.0.1:4318/v1/traces"),
            (Preset::Otel, "https://a.test/tenant/7", "https://a.test/tenant/7/v1/traces"),
            (Preset::Langfuse, "https://lf.test", "https://lf.test/api/public/otel/v1/traces"),
            (Preset::Langfuse, "https://lf.test/api/public/otel/", "https://lf.test/api/public/otel/v1/traces"),
            (Preset::Posthog, "https://ph.test", "https://ph.test/i/v0/ai/otel"),
            (Preset::Posthog, "https://ph.test/i/v0/ai/otel", "https://ph.test/i/v0/ai/otel"),
            (Preset::Opik, "https://o.test/opik", "https://o.test/opik/api/v1/private/otel/v1/traces"),
        ] {
            assert_eq!(preset.endpoint(given, None).url, whole);
            assert_eq!(preset.endpoint(whole, None).url, whole, "a whole address stays as it is");
        }
    }

    #[test]
    fn a_key_goes_where_the_backend_looks_for_it() {
        let shown = |preset: Preset| {
            let endpoint = preset.endpoint("https://a.test", Some(key()));
            let headers: Vec<_> = endpoint.headers.into_iter().map(|(name, value)| (name, value.0)).collect();
            (endpoint.api_key.map(|key| key.0), headers)
        };
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(shown(Preset::Otel), (Some("pk-1:sk-2".to_owned()), vec![]));
        assert_eq!(shown(Preset::Langfuse), (None, vec![header("authorization", "Basic cGstMTpzay0y")]));
        assert_eq!(shown(Preset::Opik), (None, vec![header("authorization", "pk-1:sk-2")]));
        assert_eq!(shown(Preset::Langsmith), (None, vec![header("x-api-key", "pk-1:sk-2")]));
        let datadog = vec![header("dd-otlp-source", "llmobs"), header("dd-api-key", "pk-1:sk-2")];
        assert_eq!(shown(Preset::Datadog), (None, datadog));
    }

    #[test]
    fn without_a_key_only_what_the_backend_needs_is_sent() {
        for preset in Preset::ALL {
            let endpoint = preset.endpoint("https://a.test", None);
            assert_eq!(endpoint.api_key, None);
            assert_eq!(endpoint.headers.len(), preset.headers().len());
        }
    }
}
