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

/// Whether a key is as long as its kind's are, in bytes: RFC 7518, sections 3.2, 3.3 and 6.2.1; RFC 8037, section 2. A
/// shorter one would refuse whatever is signed.
pub(super) fn is_whole(key: &DecodingKey) -> bool {
    match (key.kind(), key.family()) {
        (DecodingKeyKind::SecretOrDer(secret), AlgorithmFamily::Hmac) => secret.len() >= 32,
        (DecodingKeyKind::SecretOrDer(point), AlgorithmFamily::Ec) => point.len() == 65,
        (DecodingKeyKind::SecretOrDer(point), AlgorithmFamily::Ed) => point.len() == 32,
        (DecodingKeyKind::RsaModulusExponent { n, .. }, _) => n.len() >= 256,
        (DecodingKeyKind::SecretOrDer(_), _) => false,
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
