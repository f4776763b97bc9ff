//! What comes from outside, and what each reader of it owes. Whatever comes: no panic, and what is taken is what it says.

#![allow(unreachable_pub, reason = "the fuzzer's targets are crates of their own")]

use std::sync::Arc;

use feeds::{Report, Topic};
use ring::hmac;
use scoreline::auth::{Grant, Keys, Rules, Secret, Signed, Tokens};
use scoreline::codec::{Decoder, Incoming, Inflater, Limits, Role};
use scoreline::wire::{Command, Piece, Position};
use serde_json::{Value, json};

use crate::delivery;
use crate::mutate::Random;

/// Panics where a reader does what it must not.
pub type Check = dyn Fn(&[u8]) + Send + Sync;

/// A reader of bytes from outside.
pub struct Door {
    /// What it is for; mutants begin here.
    pub seeds: Vec<Vec<u8>>,
    pub check: Box<Check>,
}

impl Door {
    fn new(seeds: Vec<Vec<u8>>, check: impl Fn(&[u8]) + Send + Sync + 'static) -> Door {
        Door { seeds, check: Box::new(check) }
    }
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
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

pub fn topics() -> Door {
    let seeds = texts(&["soccer/eng.1/ars-che", "team/soccer/arsenal", "*", "tennis", "a/b", "f1/2026/monza_1"]);
    Door::new(seeds, |bytes| {
        let Ok(topic) = String::from_utf8_lossy(bytes).parse::<Topic>() else { return };
        assert_eq!(topic.as_str().as_bytes(), bytes, "nothing is made right in silence");
        assert!(bytes.len() <= 200);
        let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-/".contains(b);
        assert!(bytes == b"*" || bytes.iter().all(plain));
        assert!(topic.segments().all(|segment| !segment.is_empty()));
        assert!(topic.covers_path(&topic) && Topic::all().covers_path(&topic));
    })
}

pub fn positions() -> Door {
    Door::new(texts(&["k3qx9a.1041", "a.0", "zz9.18446744073709551615"]), |bytes| {
        let text = String::from_utf8_lossy(bytes);
        if let Ok(position) = text.parse::<Position>() {
            assert_eq!(position.to_string().parse::<Position>().unwrap(), position);
        }
        if let Ok(piece) = text.parse::<Piece>() {
            assert!(piece.to_string().parse::<Piece>().is_ok());
        }
    })
}

pub fn commands() -> Door {
    Door::new(texts(&COMMANDS), |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        if let Ok(command) = Command::parse(text) {
            assert!(command.id() > 0);
            let value: Value = serde_json::from_str(text).expect("what is taken is JSON");
            assert_eq!(value["id"], command.id());
        }
    })
}

pub fn cbor() -> Door {
    let value = |text: &&str| serde_json::from_str::<Value>(text).unwrap();
    let seeds = COMMANDS.iter().map(|text| cbor4ii::serde::to_vec(Vec::new(), &value(text)).unwrap()).collect();
    Door::new(seeds, |bytes| {
        if let Ok(command) = Command::parse_cbor(bytes) {
            assert!(command.id() > 0);
        }
    })
}

pub fn reports() -> Door {
    let seeds = texts(&[
        r#"{"game":"soccer/eng.1/ars-che","patch":{"status":"live","competitors":{"home":{"score":{"total":2}}}},"id":"evt-883","event_at":1795363999000,"if_version":1031}"#,
        r#"{"game":"tennis/wimbledon/final","image":{"status":"break","clock":{"mode":"up","running":true,"ms":3720000},"info":{"venue":"Centre"}},"seq":7}"#,
        r#"{"game":"soccer/eng.1/a","patch":{"incidents":{"g1":{"type":"goal","side":"home","minute":61,"status":"void"}},"correction":null}}"#,
    ]);
    Door::new(seeds, |bytes| {
        let Ok(value) = feeds::json::parse(bytes) else { return };
        if let Ok(report) = Report::from_value(value) {
            assert!(report.game.is_game());
            assert_eq!(Report::from_value(report.to_json()).as_ref(), Ok(&report), "what is passed on says the same");
        }
    })
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

const FRAMES: Limits = Limits { message_bytes: 16 << 10, fragments: 64 };

/// What is heard, in order, and the fault that ends it.
fn hear(bytes: &[u8], pieces: &[usize]) -> (Vec<String>, Option<u16>) {
    let (mut decoder, mut inflater) = (Decoder::new(Role::Server), Inflater::new());
    let (mut heard, mut bytes, mut start) = (Vec::new(), bytes.to_vec(), 0);
    for end in pieces.iter().copied().chain([bytes.len()]) {
        let on = &mut |incoming: Incoming<'_>| {
            if let Incoming::Text(text) = &incoming {
                assert!(text.len() <= FRAMES.message_bytes);
            }
            heard.push(format!("{incoming:?}"));
        };
        if let Err(fault) = decoder.feed(&mut bytes[start..end], &FRAMES, Some(&mut inflater), on) {
            assert!([1002, 1003, 1007, 1009].contains(&fault.code), "{fault:?}");
            return (heard, Some(fault.code));
        }
        start = end;
    }
    (heard, None)
}

pub fn frames() -> Door {
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
    Door::new(seeds, |bytes| {
        let mut random =
            Random(bytes.iter().fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add((*byte).into())));
        let mut cuts: Vec<usize> = (0..random.below(5)).map(|_| random.below(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        assert_eq!(hear(bytes, &cuts), hear(bytes, &[]), "however it comes, it says the same");
    })
}

const SECRET: [u8; 32] = [7; 32];

fn token_door() -> Tokens {
    let rules = Rules {
        algorithm: "HS256".to_owned(),
        audience: None,
        issuer: None,
        connections_per_sub: 0,
        longest_delay: 300,
    };
    let door = Tokens::new(&rules).unwrap();
    door.set_secret(&SECRET);
    door
}

/// A token that says this, signed.
fn token(claims: &[u8]) -> String {
    let base64 = |bytes: &[u8]| base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, bytes);
    let message = format!("{}.{}", base64(br#"{"alg":"HS256"}"#), base64(claims));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &SECRET), message.as_bytes());
    format!("{message}.{}", base64(signature.as_ref()))
}

pub fn tokens() -> Door {
    let claims = [
        json!({"exp": 99_999_999_999_u64, "topics": ["soccer"], "min_delay": 30}),
        json!({"exp": 99_999_999_999_u64, "sub": "ada"}),
    ];
    let seeds = claims.map(|claims| token(claims.to_string().as_bytes()).into_bytes()).to_vec();
    let (door, signed) = (token_door(), seeds.clone());
    assert!(seeds.iter().all(|seed| door.admit(std::str::from_utf8(seed).unwrap()).is_ok()));
    Door::new(seeds, move |bytes| {
        let opens = door.admit(&String::from_utf8_lossy(bytes)).is_ok();
        assert!(!opens || signed.iter().any(|seed| seed == bytes), "a token opens that nobody signed");
    })
}

/// Claims that are signed, whatever they say.
pub fn claims() -> Door {
    let seeds = texts(&[
        r#"{"exp":99999999999,"nbf":1,"sub":"ada","topics":["soccer","tennis/wimbledon"],"min_delay":30,"max_rate":2.5}"#,
        r#"{"exp":99999999999.5,"topics":["*"]}"#,
    ]);
    let door = token_door();
    Door::new(seeds, move |bytes| {
        if let Ok(access) = door.admit(&token(bytes)) {
            assert!(access.min_delay <= 300 && access.max_rate >= 0.0 && access.expires_at > 0);
        }
    })
}

pub fn signatures() -> Door {
    let grant = Arc::new(Grant::everything("acme"));
    let mut keys = Keys::default();
    keys.add_secret(&Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap(), &grant);
    let good = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    let (id, now, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
    Door::new(texts(&[good, "v1,AAAA v2,BBBB v1,g0hM", "1614265330"]), move |bytes| {
        let text = &String::from_utf8_lossy(bytes);
        let signed = Signed { id, timestamp: "1614265330", signature: text };
        if keys.signer(&signed, body, now).is_ok() {
            assert!(text.contains(good), "a signature that nobody made");
        }
        let signed = Signed { id, timestamp: text, signature: good };
        assert!(keys.signer(&signed, body, now).is_err() || text == "1614265330");
    })
}

/// Lives of sessions, told by bytes: the delivery rules hold in each.
pub fn sessions() -> Door {
    let mut random = Random(7);
    let seeds = (0..4).map(|_| (0..2_000).map(|_| random.next() as u8).collect()).collect();
    Door::new(seeds, delivery::live)
}
