//! A fuzzer for what clients and providers send: topics, positions, commands as JSON and CBOR, reports, frames with inflation,
//! tokens, signatures. Seeds are mutated as bytes and spliced with each other. A short run with a fixed seed is a test; a long
//! one is for the hand (the adapters have theirs in feeds/tests/fuzz.rs, sessions in `delivery`):
//!
//! ```sh
//! FUZZ_SECONDS=3600 cargo test --release --test it fuzz::commands -- --nocapture
//! ```
//!
//! Whatever comes: no panic, and what is taken is what it says. A fault is told with the bytes that made it.

#[path = "../../feeds/tests/fuzz/mutate.rs"]
mod mutate;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use feeds::{Report, Topic};
use mutate::{Random, mutant};
use ring::hmac;
use scoreline::auth::{Grant, Keys, Rules, Secret, Signed, Tokens};
use scoreline::codec::{Decoder, Incoming, Inflater, Limits, Role};
use scoreline::wire::{Command, Piece, Position};
use serde_json::{Value, json};

/// Runs mutants of these seeds through a check: so many, or for as long as the environment says.
fn fuzz(seeds: &[Vec<u8>], cases: usize, mut check: impl FnMut(&[u8], &mut Random)) {
    let told = std::env::var("FUZZ_SECONDS").ok().map(|text| Duration::from_secs(text.parse().unwrap()));
    let mut random = Random(std::env::var("FUZZ_SEED").map_or(24_112_026, |seed| seed.parse().unwrap()));
    let (begun, mut done) = (Instant::now(), 0_usize);
    while told.map_or(done < cases, |time| begun.elapsed() < time) {
        let bytes = mutant(seeds, &mut random);
        let ran = catch_unwind(AssertUnwindSafe(|| check(&bytes, &mut random)));
        if let Err(panic) = ran {
            eprintln!("case {done}: {:?}\n{bytes:?}", String::from_utf8_lossy(&bytes));
            std::panic::resume_unwind(panic);
        }
        done += 1;
    }
    println!("{done} cases");
}

fn seeds(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

const COMMANDS: [&str; 6] = [
    r#"{"type":"subscribe","id":1,"topics":["soccer/eng.1","team/soccer/arsenal"],"detail":"score","since":"k3qx9a.1041"}"#,
    r#"{"type":"unsubscribe","id":2,"topics":["soccer/eng.1"]}"#,
    r#"{"type":"options","id":3,"delay":30,"max_rate":0.5,"mode":"latest"}"#,
    r#"{"type":"options","id":18446744073709551615,"mode":"every"}"#,
    r#"{"type":"auth","id":4,"token":"a.b.c"}"#,
    r#"{"type":"ping","id":5}"#,
];

#[test]
fn topics() {
    let seeds = seeds(&["soccer/eng.1/ars-che", "team/soccer/arsenal", "*", "tennis", "a/b", "f1/2026/monza_1"]);
    fuzz(&seeds, 20_000, |bytes, _| {
        let Ok(topic) = String::from_utf8_lossy(bytes).parse::<Topic>() else { return };
        assert_eq!(topic.as_str().as_bytes(), bytes, "nothing is made right in silence");
        assert!(bytes.len() <= 200);
        let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-/".contains(b);
        assert!(bytes == b"*" || bytes.iter().all(plain));
        assert!(topic.segments().all(|segment| !segment.is_empty()));
        assert!(topic.covers_path(&topic) && Topic::all().covers_path(&topic));
    });
}

#[test]
fn positions() {
    fuzz(&seeds(&["k3qx9a.1041", "a.0", "zz9.18446744073709551615"]), 20_000, |bytes, _| {
        let text = String::from_utf8_lossy(bytes);
        if let Ok(position) = text.parse::<Position>() {
            assert_eq!(position.to_string().parse::<Position>().unwrap(), position);
        }
        if let Ok(piece) = text.parse::<Piece>() {
            assert!(piece.to_string().parse::<Piece>().is_ok());
        }
    });
}

#[test]
fn commands() {
    let text = seeds(&COMMANDS);
    fuzz(&text, 20_000, |bytes, _| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        if let Ok(command) = Command::parse(text) {
            assert!(command.id() > 0);
            let value: Value = serde_json::from_str(text).expect("what is taken is JSON");
            assert_eq!(value["id"], command.id());
        }
    });
    let binary: Vec<Vec<u8>> = COMMANDS
        .iter()
        .map(|text| cbor4ii::serde::to_vec(Vec::new(), &serde_json::from_str::<Value>(text).unwrap()).unwrap())
        .collect();
    fuzz(&binary, 20_000, |bytes, _| {
        if let Ok(command) = Command::parse_cbor(bytes) {
            assert!(command.id() > 0);
        }
    });
}

#[test]
fn reports() {
    let seeds = seeds(&[
        r#"{"game":"soccer/eng.1/ars-che","patch":{"status":"live","competitors":{"home":{"score":{"total":2}}}},"id":"evt-883","event_at":1795363999000,"if_version":1031}"#,
        r#"{"game":"tennis/wimbledon/final","image":{"status":"break","clock":{"mode":"up","running":true,"ms":3720000},"info":{"venue":"Centre"}},"seq":7}"#,
        r#"{"game":"soccer/eng.1/a","patch":{"incidents":{"g1":{"type":"goal","side":"home","minute":61,"status":"void"}},"correction":null}}"#,
    ]);
    fuzz(&seeds, 20_000, |bytes, _| {
        let Ok(value) = feeds::json::parse(bytes) else { return };
        if let Ok(report) = Report::from_value(value) {
            assert!(report.game.is_game());
            assert_eq!(Report::from_value(report.to_json()).as_ref(), Ok(&report), "what is passed on says the same");
        }
    });
}

/// A frame as a client sends it, masked with nothing.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u8::try_from(payload.len()) {
        Ok(length @ ..=125) => frame.push(0x80 | length),
        _ => {
            frame.push(0xFE);
            frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut compress = flate2::Compress::new(flate2::Compression::fast(), false);
    let mut out = Vec::with_capacity(bytes.len() + 1_024);
    compress.compress_vec(bytes, &mut out, flate2::FlushCompress::Sync).unwrap();
    out.truncate(out.len() - 4);
    out
}

#[test]
fn frames() {
    const LIMITS: Limits = Limits { message_bytes: 16 << 10, fragments: 64 };
    let close = [&1_000_u16.to_be_bytes()[..], b"bye"].concat();
    let seeds: Vec<Vec<u8>> = vec![
        frame(0x81, COMMANDS[0].as_bytes()),
        frame(0xC1, &deflated(COMMANDS[0].as_bytes())),
        frame(0xC1, &deflated(&[b' '; 40_000])),
        [frame(0x01, b"{\"type\":"), frame(0x89, b"ping"), frame(0x80, b"\"ping\",\"id\":1}")].concat(),
        [frame(0x41, &deflated(b"{\"type\"")), frame(0x80, b"")].concat(),
        frame(0x82, &[0xA1, 0x61]),
        frame(0x88, &close),
        frame(0x8A, &[0; 8]),
    ];
    /// What is heard, in order, and the fault that ends it.
    fn hear(bytes: &[u8], pieces: &[usize]) -> (Vec<String>, Option<u16>) {
        let (mut decoder, mut inflater) = (Decoder::new(Role::Server), Inflater::new());
        let (mut heard, mut bytes, mut start) = (Vec::new(), bytes.to_vec(), 0);
        for end in pieces.iter().copied().chain([bytes.len()]) {
            let on = &mut |incoming: Incoming<'_>| {
                if let Incoming::Text(text) = &incoming {
                    assert!(text.len() <= LIMITS.message_bytes);
                }
                heard.push(format!("{incoming:?}"));
            };
            if let Err(fault) = decoder.feed(&mut bytes[start..end], &LIMITS, Some(&mut inflater), on) {
                assert!([1002, 1003, 1007, 1009].contains(&fault.code), "{fault:?}");
                return (heard, Some(fault.code));
            }
            start = end;
        }
        (heard, None)
    }
    fuzz(&seeds, 10_000, |bytes, random| {
        let mut cuts: Vec<usize> = (0..random.below(5)).map(|_| random.below(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        assert_eq!(hear(bytes, &cuts), hear(bytes, &[]), "however it comes, it says the same");
    });
}

#[test]
fn tokens() {
    let rules = Rules {
        algorithm: "HS256".to_owned(),
        audience: None,
        issuer: None,
        connections_per_sub: 0,
        longest_delay: 300,
    };
    let secret = [7; 32];
    let door = Tokens::new(&rules).unwrap();
    door.set_secret(&secret);
    let base64 = |bytes: &[u8]| base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, bytes);
    let token = |claims: Value| {
        let message = format!("{}.{}", base64(br#"{"alg":"HS256"}"#), base64(claims.to_string().as_bytes()));
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message.as_bytes());
        format!("{message}.{}", base64(signature.as_ref())).into_bytes()
    };
    let seeds = [
        token(json!({"exp": 99_999_999_999_u64, "topics": ["soccer"], "min_delay": 30})),
        token(json!({"exp": 99_999_999_999_u64, "sub": "ada"})),
    ];
    assert!(seeds.iter().all(|seed| door.admit(std::str::from_utf8(seed).unwrap()).is_ok()));
    fuzz(&seeds, 10_000, |bytes, _| {
        let opens = door.admit(&String::from_utf8_lossy(bytes)).is_ok();
        assert!(!opens || seeds.iter().any(|seed| seed == bytes), "a token opens that nobody signed");
    });
    // Claims that are signed, whatever they say.
    let claims = seeds_of_claims();
    fuzz(&claims, 10_000, |bytes, _| {
        let message = format!("{}.{}", base64(br#"{"alg":"HS256"}"#), base64(bytes));
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message.as_bytes());
        if let Ok(access) = door.admit(&format!("{message}.{}", base64(signature.as_ref()))) {
            assert!(access.min_delay <= 300 && access.max_rate >= 0.0 && access.expires_at > 0);
        }
    });
}

fn seeds_of_claims() -> Vec<Vec<u8>> {
    seeds(&[
        r#"{"exp":99999999999,"nbf":1,"sub":"ada","topics":["soccer","tennis/wimbledon"],"min_delay":30,"max_rate":2.5}"#,
        r#"{"exp":99999999999.5,"topics":["*"]}"#,
    ])
}

#[test]
fn signatures() {
    let grant = Arc::new(Grant::everything("acme"));
    let mut keys = Keys::default();
    keys.add_secret(&Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap(), &grant);
    let good = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    let (id, now, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
    fuzz(&seeds(&[good, "v1,AAAA v2,BBBB v1,g0hM", "1614265330"]), 10_000, |bytes, _| {
        let text = &String::from_utf8_lossy(bytes);
        let signed = Signed { id, timestamp: "1614265330", signature: text };
        if keys.signer(&signed, body, now).is_ok() {
            assert!(text.contains(good), "a signature that nobody made");
        }
        let signed = Signed { id, timestamp: text, signature: good };
        assert!(keys.signer(&signed, body, now).is_err() || text == "1614265330");
    });
}
