//! Signed pushes: Standard Webhooks 1.0, symmetric signatures (`v1`). A push names nobody: it is of whoever's secret signed it.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

use super::{Grant, Keys};

/// How old a push may be, and how far ahead its sender's clock; s.
const WINDOW: i64 = 5 * 60;
/// Signatures of one push that are looked at: a sender has two while it changes its secret.
const MOST: usize = 8;
/// A secret's length in bytes, by the specification.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret as both sides have it.
#[derive(Debug, Clone)]
pub struct Secret(hmac::Key);

impl Secret {
    /// Reads `whsec_` and base64.
    ///
    /// # Errors
    /// When it is none; the message does not tell it.
    pub fn parse(text: &str) -> Result<Secret, String> {
        let wrong = || "a secret is whsec_ and base64 of 24 to 64 bytes".to_owned();
        let bytes = STANDARD.decode(text.strip_prefix("whsec_").ok_or_else(wrong)?).map_err(|_| wrong())?;
        match BYTES.contains(&bytes.len()) {
            true => Ok(Secret(hmac::Key::new(hmac::HMAC_SHA256, &bytes))),
            false => Err(wrong()),
        }
    }
}

/// What signs a push: its headers `webhook-id`, `webhook-timestamp`, `webhook-signature`.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'h> {
    /// The push's name, the same when it is sent again.
    pub id: &'h str,
    /// When it was sent; seconds since the Unix epoch.
    pub timestamp: &'h str,
    /// `v1,` and base64, one or several with spaces between.
    pub signature: &'h str,
}

impl Keys {
    /// Adds a secret that this provider signs with.
    pub fn add_secret(&mut self, secret: &Secret, grant: &Arc<Grant>) {
        self.secrets.push((secret.clone(), Arc::clone(grant)));
    }

    /// Whether anybody signs.
    #[must_use]
    pub fn are_signed(&self) -> bool {
        !self.secrets.is_empty()
    }

    /// The grant of whoever signed this body; `now` in seconds since the Unix epoch.
    ///
    /// # Errors
    /// Why nobody did, for a person.
    pub fn signer(&self, signed: &Signed<'_>, body: &[u8], now: i64) -> Result<&Arc<Grant>, &'static str> {
        let Signed { id, timestamp, signature } = *signed;
        // Without a name it could be sent again and again.
        if id.is_empty() {
            return Err("webhook-id is missing");
        }
        let sent: i64 = timestamp.parse().map_err(|_| "webhook-timestamp is no number of seconds")?;
        if now.abs_diff(sent) > WINDOW.unsigned_abs() {
            return Err("webhook-timestamp is more than five minutes away from this server's clock");
        }
        let said = signature.split(' ').filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok());
        let said: Vec<Vec<u8>> = said.take(MOST).collect();
        let content = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
        // Every secret is tried, whoever's it is.
        let mut found = None;
        for (Secret(key), grant) in &self.secrets {
            let signs = said.iter().filter(|said| hmac::verify(key, &content, said).is_ok()).count() > 0;
            if signs {
                found = Some(grant);
            }
        }
        found.ok_or("webhook-signature is of nobody's secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference implementations.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const SENT: &str = "1614265330";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn keys() -> Keys {
        let mut keys = Keys::default();
        keys.add_secret(&Secret::parse("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5").unwrap(), &grant("other"));
        keys.add_secret(&Secret::parse(SECRET).unwrap(), &grant("acme"));
        keys
    }

    fn grant(name: &str) -> Arc<Grant> {
        Arc::new(Grant::everything(name))
    }

    fn signer(signed: Signed<'_>, body: &[u8], now: i64) -> Result<String, &'static str> {
        keys().signer(&signed, body, now).map(|grant| grant.provider.to_string())
    }

    const GOOD: Signed<'_> = Signed { id: ID, timestamp: SENT, signature: SIGNATURE };

    #[test]
    fn the_specification_s_example_is_signed() {
        assert_eq!(signer(GOOD, BODY, 1_614_265_330).as_deref(), Ok("acme"));
        let several = format!("v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,{} {SIGNATURE}", &SIGNATURE[3..]);
        assert_eq!(signer(Signed { signature: &several, ..GOOD }, BODY, 1_614_265_630).as_deref(), Ok("acme"));
    }

    #[test]
    fn anything_else_is_not() {
        let now = 1_614_265_330;
        assert!(signer(GOOD, BODY, now + 301).is_err(), "too old");
        assert!(signer(GOOD, BODY, now - 301).is_err(), "not yet");
        assert!(signer(GOOD, br#"{"test": 2432232315}"#, now).is_err());
        assert!(signer(Signed { id: "msg_other", ..GOOD }, BODY, now).is_err());
        assert_eq!(signer(Signed { id: "", ..GOOD }, BODY, now), Err("webhook-id is missing"));
        for timestamp in ["1614265331", "", "x", "-1", "9223372036854775808", "1614265330.5"] {
            assert!(signer(Signed { timestamp, ..GOOD }, BODY, now).is_err(), "{timestamp}");
        }
        for signature in ["", "v1,", "v1,AAAA", &SIGNATURE[3..], "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="] {
            assert!(signer(Signed { signature, ..GOOD }, BODY, now).is_err(), "{signature}");
        }
        let many = format!("{}{SIGNATURE}", "v1,AAAA ".repeat(MOST));
        assert!(signer(Signed { signature: &many, ..GOOD }, BODY, now).is_err(), "no more are looked at");
    }

    #[test]
    fn a_secret_has_its_form() {
        for text in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAA", "whsec_!"] {
            assert!(Secret::parse(text).is_err(), "{text}");
        }
    }
}
