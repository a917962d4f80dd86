//! Who published a list: ed25519 (RFC 8032) over the bytes of the file, in base64.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;

use crate::error::{Error, ErrorCode, Result};

const KEY_BYTES: usize = 32;
/// What RFC 8410 puts before the 32 secret bytes. OpenSSL reads and writes the same.
const PKCS8_HEAD: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// The key by which a publisher's lists are known: 32 bytes, as text 44 characters of base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; KEY_BYTES]);

impl PublicKey {
    /// Reads the text of a key. `option` is where it was given.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidConfig`], naming the option and the value.
    pub fn parse(option: &str, text: &str) -> Result<Self> {
        let bytes = STANDARD.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| {
            let message = format!("{option} must be a public key of ed25519, 32 bytes in base64, got {text:?}");
            Error::new(ErrorCode::InvalidConfig, message)
        })
    }

    /// Whether the text of a signature is this key's for these bytes.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidPrices`] where it is not.
    pub fn verify(&self, bytes: &[u8], signature: &[u8]) -> Result<()> {
        let refused =
            |why: &str| Error::new(ErrorCode::InvalidPrices, format!("the signature {why}; nothing was taken"));
        let signature = STANDARD.decode(signature.trim_ascii()).map_err(|_| refused("is not base64"))?;
        let key = UnparsedPublicKey::new(&ED25519, &self.0);
        key.verify(bytes, &signature).map_err(|_| refused("is not that of this list and of the key that was given"))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

/// The key of a publisher.
///
/// ```
/// use llmlab::pricelist::SigningKey;
/// let key = SigningKey::from_pem(&SigningKey::generate()?)?;
/// key.public().verify(b"a list", key.sign(b"a list").as_bytes())?;
/// assert!(key.public().verify(b"another", key.sign(b"a list").as_bytes()).is_err());
/// # Ok::<(), llmlab::Error>(())
/// ```
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// A new key as the text of a PEM file, which is to be kept secret.
    ///
    /// # Errors
    /// [`ErrorCode::Storage`] where the system has no random numbers.
    pub fn generate() -> Result<String> {
        let mut der = [0; PKCS8_HEAD.len() + KEY_BYTES];
        der[..PKCS8_HEAD.len()].copy_from_slice(&PKCS8_HEAD);
        getrandom::fill(&mut der[PKCS8_HEAD.len()..])
            .map_err(|cause| Error::new(ErrorCode::Storage, "the system gives no random numbers").caused_by(cause))?;
        // 48 bytes fit into one line.
        Ok(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der)))
    }

    /// Reads the text of a PEM file, such as `openssl genpkey -algorithm ed25519` makes.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidConfig`] for what is no such key. It is not shown.
    pub fn from_pem(pem: &str) -> Result<Self> {
        let wrong = || Error::new(ErrorCode::InvalidConfig, "the key file holds no ed25519 private key in PEM form");
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| wrong())?;
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()).map(Self).map_err(|_| wrong())
    }

    /// The key that others know.
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; KEY_BYTES];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(bytes)
    }

    /// The text of the signature: one line.
    pub fn sign(&self, bytes: &[u8]) -> String {
        format!("{}\n", STANDARD.encode(self.0.sign(bytes)))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(***)")
    }
}
