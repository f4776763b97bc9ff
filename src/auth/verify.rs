//! The cryptography of tokens: jsonwebtoken reads and checks them, ring, which TLS uses too, checks their signatures.

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::signature::{Error, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::{hmac, signature};

/// The algorithms that there are here.
pub(super) const KNOWN: [Algorithm; 4] = [Algorithm::HS256, Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: no_signer,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(), // for thumbprints and private keys, of which there are none here
};

/// Makes it the one that tokens are checked with, in the whole process.
pub(super) fn install() {
    // It fails where it was done before.
    let _ = PROVIDER.install_default();
}

/// Whether a key is no shorter than what it signs is hashed to, where that is its holder's choice: RFC 7518 section 3.2.
/// Signatures of short RSA keys are refused by ring.
pub(super) fn is_long_enough(key: &DecodingKey) -> bool {
    match key.kind() {
        DecodingKeyKind::SecretOrDer(secret) => key.family() != AlgorithmFamily::Hmac || secret.len() >= 32,
        DecodingKeyKind::RsaModulusExponent { .. } => true,
    }
}

fn no_signer(_: &Algorithm, _: &EncodingKey) -> Result<Box<dyn jsonwebtoken::crypto::JwtSigner>> {
    Err(ErrorKind::UnsupportedAlgorithm.into())
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let fits = match algorithm {
        Algorithm::HS256 => key.family() == AlgorithmFamily::Hmac,
        Algorithm::RS256 => key.family() == AlgorithmFamily::Rsa,
        Algorithm::ES256 => key.family() == AlgorithmFamily::Ec,
        Algorithm::EdDSA => key.family() == AlgorithmFamily::Ed,
        _ => false,
    };
    match fits {
        true => Ok(Box::new(Check { algorithm: *algorithm, key: key.kind().clone() })),
        false => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

struct Check {
    algorithm: Algorithm,
    key: DecodingKeyKind,
}

impl Verifier<Vec<u8>> for Check {
    fn verify(&self, message: &[u8], said: &Vec<u8>) -> std::result::Result<(), Error> {
        let public = |algorithm, key| signature::UnparsedPublicKey::new(algorithm, key).verify(message, said);
        let checked = match (self.algorithm, &self.key) {
            (Algorithm::HS256, DecodingKeyKind::SecretOrDer(key)) => {
                hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, key), message, said)
            }
            (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) => {
                let key = signature::RsaPublicKeyComponents { n, e };
                key.verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, said)
            }
            (Algorithm::ES256, DecodingKeyKind::SecretOrDer(key)) => public(&signature::ECDSA_P256_SHA256_FIXED, key),
            (Algorithm::EdDSA, DecodingKeyKind::SecretOrDer(key)) => public(&signature::ED25519, key),
            _ => return Err(Error::new()),
        };
        checked.map_err(|_| Error::new())
    }
}

impl JwtVerifier for Check {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
