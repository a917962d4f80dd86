//! TLS of our own making in every part: a process-wide default of rustls belongs to the host.

use std::error::Error as _;
use std::io;
use std::path::Path;
use std::sync::Arc;

use reqwest::ClientBuilder;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::error::Result;
use crate::http::unusable;

/// The client trusts the authorities of the file, or else the bundled ones.
pub(super) fn equipped(client: ClientBuilder, ca_file: Option<&Path>) -> Result<ClientBuilder> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let wrong = || unusable(format!("ca_file {} holds no certificates in PEM form", path.display()));
            let certificates = CertificateDer::pem_file_iter(path).map_err(|cause| wrong().caused_by(cause))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|cause| wrong().caused_by(cause))?;
                roots.add(certificate).map_err(|cause| wrong().caused_by(cause))?;
            }
            if roots.is_empty() {
                return Err(wrong());
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|cause| unusable("TLS is not available").caused_by(cause))?;
    Ok(client.tls_backend_preconfigured(config.with_root_certificates(roots).with_no_client_auth()))
}

/// An alert or a broken handshake may be the network's doing; a certificate that does not hold is not.
pub(super) fn is_refused_certificate(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(next) = cause {
        if let Some(tls) = next.downcast_ref::<rustls::Error>() {
            return matches!(tls, rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented);
        }
        // The source of an `io::Error` is that of what it wraps, not what it wraps.
        cause = match next.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => next.source(),
        };
    }
    false
}
