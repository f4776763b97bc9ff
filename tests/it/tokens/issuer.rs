//! Whoever issues tokens: RFC 7515 by hand, the cryptography by ring and (for its key) openssl.

use std::path::PathBuf;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use ring::{hmac, rand};
use serde_json::{Value, json};

/// Seconds since the Unix epoch.
pub(super) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

pub(super) fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

enum Signer {
    Hmac(Vec<u8>),
    Rsa(Box<RsaKeyPair>),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A key that signs.
pub(super) struct Issuer {
    signer: Signer,
    kid: String,
}

impl Issuer {
    pub(super) fn new(algorithm: &str) -> Issuer {
        let random = SystemRandom::new();
        let signer = match algorithm {
            "HS256" => Signer::Hmac(rand::generate::<[u8; 32]>(&random).unwrap().expose().to_vec()),
            "RS256" => {
                let made = Command::new("openssl")
                    .args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-outform", "DER"])
                    .output();
                let key = made.unwrap().stdout;
                // PKCS #8, or of older versions PKCS #1.
                let pair = RsaKeyPair::from_pkcs8(&key).or_else(|_| RsaKeyPair::from_der(&key));
                Signer::Rsa(Box::new(pair.expect("openssl makes a key")))
            }
            "ES256" => {
                let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random);
                Signer::Ecdsa(pair.unwrap())
            }
            "EdDSA" => {
                let key = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
                Signer::Ed25519(Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap())
            }
            other => panic!("{other}"),
        };
        Issuer { signer, kid: format!("key-{}", fastrand::u32(..)) }
    }

    pub(super) fn algorithm(&self) -> &'static str {
        match self.signer {
            Signer::Hmac(_) => "HS256",
            Signer::Rsa(_) => "RS256",
            Signer::Ecdsa(_) => "ES256",
            Signer::Ed25519(_) => "EdDSA",
        }
    }

    /// The key as a set has it.
    pub(super) fn jwk(&self) -> Value {
        let mut jwk = match &self.signer {
            Signer::Hmac(key) => json!({"kty": "oct", "k": base64(key)}),
            Signer::Rsa(pair) => {
                let public: RsaPublicKeyComponents<Vec<u8>> = pair.public().into();
                json!({"kty": "RSA", "n": base64(public.n), "e": base64(public.e)})
            }
            Signer::Ecdsa(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": base64(x), "y": base64(y)})
            }
            Signer::Ed25519(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": base64(pair.public_key())}),
        };
        (jwk["kid"], jwk["alg"], jwk["use"]) = (json!(self.kid), json!(self.algorithm()), json!("sig"));
        jwk
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.signer {
            Signer::Hmac(key) => hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref().to_vec(),
            Signer::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
                signature
            }
            Signer::Ecdsa(pair) => pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Signer::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// A token with these claims.
    pub(super) fn token(&self, claims: &Value) -> String {
        self.token_as(&json!({"alg": self.algorithm(), "typ": "JWT", "kid": self.kid}), &claims.to_string())
    }

    /// The same with a header and claims of any kind.
    pub(super) fn token_as(&self, header: &Value, claims: &str) -> String {
        let message = format!("{}.{}", base64(header.to_string()), base64(claims));
        format!("{message}.{}", base64(self.sign(message.as_bytes())))
    }
}

/// A file with keys, removed when it is dropped.
pub(super) struct KeySet(PathBuf);

impl KeySet {
    pub(super) fn of(keys: &[Value]) -> KeySet {
        let name = format!("scoreline-keys-{}-{}.json", std::process::id(), fastrand::u64(..));
        let set = KeySet(std::env::temp_dir().join(name));
        set.now(keys);
        set
    }

    /// From now on these are in it.
    pub(super) fn now(&self, keys: &[Value]) {
        std::fs::write(&self.0, json!({"keys": keys}).to_string()).unwrap();
    }

    pub(super) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for KeySet {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
