//! What a token must be, and every way it is none.

use serde_json::{Value, json};

use super::issuer::{base64, now};
use super::{Issuer, KeySet, claims, gated, gated_by};

#[tokio::test]
async fn a_token_that_is_wrong_in_any_way_opens_nothing() {
    let issuer = Issuer::new("RS256");
    let service = gated_by(&issuer, "audience = \"scoreline\"\nissuer = \"https://issuer.example\"").await;
    let good = claims(&json!({"aud": "scoreline", "iss": "https://issuer.example", "sub": "u1", "name": "Ada"}));
    let with = |claim: &str, value: Value| {
        let mut claims = good.clone();
        claims[claim] = value;
        claims.to_string()
    };
    let without = |claim: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(claim);
        claims.to_string()
    };
    let header = json!({"alg": "RS256", "kid": issuer.jwk()["kid"]});
    let signed = |claims: &str| issuer.token_as(&header, claims);
    let mut client = service.client().await;
    let mut ask =
        async |token: &str| client.ask("GET", "/v1/games", &[&format!("authorization: Bearer {token}")], "").await;

    for claims in [
        good.to_string(),
        with("aud", json!(["other", "scoreline"])),
        with("nbf", json!(now() - 5.0)),
        with("nbf", json!(now() + 5.0)), // an issuer's clock may be a little ahead
        with("min_delay", json!(0)),
        with("topics", json!(["*"])),
    ] {
        let answer = ask(&signed(&claims)).await;
        assert_eq!(answer.status, 200, "{claims}: {answer:?}");
    }
    ask(&signed(&with("exp", json!(now() - 1.0)))).await.problem(401, "token_expired");
    let doubled = good.to_string().replacen('{', "{\"exp\":99999999999,", 1);
    for claims in [
        without("exp"),
        with("exp", json!("99999999999")),
        with("exp", json!(null)),
        with("nbf", json!("0")),
        with("nbf", json!(now() + 600.0)),
        without("aud"),
        with("aud", json!("other")),
        without("iss"),
        with("iss", json!("https://issuer.example.evil")),
        with("topics", json!("soccer")),
        with("topics", json!(["Soccer/"])),
        with("topics", json!([7])),
        with("min_delay", json!(-1)),
        with("min_delay", json!(301)),
        with("min_delay", json!("30")),
        with("max_rate", json!(-1)),
        with("max_rate", json!([])),
        // A list that came out empty-handed does not mean everything.
        with("topics", json!(null)),
        with("min_delay", json!(null)),
        with("max_rate", json!(null)),
        with("sub", json!(null)),
        with("nbf", json!(null)),
        doubled,
        "[]".to_owned(),
        "not JSON".to_owned(),
        String::new(),
        format!("{{\"x\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000)),
    ] {
        let answer = ask(&signed(&claims)).await;
        assert_eq!(answer.status, 401, "{claims:.200}: {answer:?}");
    }
    service.client().await.get("/v1/games").await.problem(401, "unauthorized");
}

#[tokio::test]
async fn a_header_chooses_a_key_and_nothing_else() {
    let (issuer, other) = (Issuer::new("RS256"), Issuer::new("RS256"));
    let service = gated(&KeySet::of(&[issuer.jwk(), other.jwk()]), "RS256", "").await;
    let (claims, kid) = (claims(&json!({})).to_string(), issuer.jwk()["kid"].clone());
    let good = issuer.token_as(&json!({"alg": "RS256", "kid": kid}), &claims);
    let mut client = service.client().await;
    let mut ask = async |token: &str| client.get(&format!("/v1/games?token={token}")).await;
    assert_eq!(ask(&good).await.status, 200);

    // The key that everybody knows, taken for a secret.
    let (message, modulus) = (
        format!("{}.{}", base64(json!({"alg": "HS256", "kid": kid}).to_string()), base64(&claims)),
        issuer.jwk()["n"].as_str().unwrap().to_owned(),
    );
    let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, modulus.as_bytes());
    let confused = format!("{message}.{}", base64(ring::hmac::sign(&secret, message.as_bytes())));
    let unsigned = format!("{}.{}.", base64(json!({"alg": "none"}).to_string()), base64(&claims));
    let own = json!({"alg": "RS256", "kid": "mine", "jwk": other.jwk(), "jku": "https://evil.example/keys"});
    let [head, body, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let mut bent = signature.to_owned();
    bent.replace_range(10..11, if &bent[10..11] == "A" { "B" } else { "A" });
    for token in [
        confused,
        unsigned,
        issuer.token_as(&own, &claims),
        issuer.token_as(&json!({"alg": "RS256"}), &claims), // of two keys one must be named
        issuer.token_as(&json!({"alg": "RS512", "kid": kid}), &claims),
        issuer.token_as(&json!({"alg": "RS256", "kid": kid, "crit": ["exp"]}), &claims),
        issuer.token_as(&json!({"alg": "RS256", "kid": 7}), &claims),
        other.token_as(&json!({"alg": "RS256", "kid": kid}), &claims),
        format!("{head}.{}.{signature}", base64(r#"{"exp":99999999999}"#)),
        format!("{head}.{body}.{bent}"),
        format!("{head}.{body}"),
        format!("{head}.{body}.{signature}.x"),
        "a".repeat(9_000),
        "..".to_owned(),
        "%00".to_owned(),
    ] {
        let answer = ask(&token).await;
        assert_eq!(answer.status, 401, "{token:.300}: {answer:?}");
        assert!(!answer.text().contains(&*modulus), "an answer does not tell keys");
    }
    assert_eq!(ask(&good).await.status, 200, "and the door still opens");
}

#[tokio::test]
async fn an_audience_that_was_not_asked_for_is_somebody_else() {
    let issuer = Issuer::new("ES256");
    let service = gated_by(&issuer, "").await;
    for aud in
        [json!("another service"), json!(["another service"]), json!([]), json!(null), json!(7), json!({}), json!([7])]
    {
        let token = issuer.token(&claims(&json!({ "aud": aud })));
        service.client().await.get(&format!("/v1/games?token={token}")).await.problem(401, "unauthorized");
    }
}
