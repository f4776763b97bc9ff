//! CBOR says what JSON says: every message of the schema, and every command; read and written by another hand.

use feeds::{Document, Topic};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use scoreline::wire::{
    Command, Detail, ErrorCode, FeedStatus, Message, Mode, Options, Position, ResetReason, Shaped, cbor,
};
use serde_json::{Value, json};

/// The parts that messages are made of.
#[derive(Debug, Clone)]
struct Parts {
    topic: Topic,
    topics: Vec<Topic>,
    document: Document,
    detail: Detail,
    options: Options,
    position: Option<Position>,
    id: u64,
    number: u64,
    at: i64,
    text: String,
    flag: bool,
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        Just(1e300.into()),
        // Of more digits serde_json reads the last one as it comes.
        (-1_000_000_i32..1_000_000).prop_map(|number| (f64::from(number) / 100.0).into()),
        ".{0,40}".prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 64, 6, |inner| {
        btree_map(".{0,12}", inner, 0..6).prop_map(|fields| Value::Object(fields.into_iter().collect()))
    })
}

fn topic() -> impl Strategy<Value = Topic> {
    "[a-z0-9]{1,8}/[a-z0-9._-]{1,3}[a-z0-9]/[a-z0-9]{1,9}".prop_filter_map("a topic", |text| text.parse().ok())
}

fn parts() -> impl Strategy<Value = Parts> {
    let key = prop_oneof!["[a-z]{1,8}", Just("incidents".to_owned()), Just("info".to_owned())];
    let document = btree_map(key, value(), 0..8).prop_map(|fields| fields.into_iter().collect());
    let detail = prop_oneof![Just(Detail::Full), Just(Detail::Score)];
    let mode = prop_oneof![Just(Mode::Latest), Just(Mode::Every)];
    let options = (0..301_u16, (0..100_000_u32).prop_map(|rate| f64::from(rate) / 100.0), mode);
    let options = options.prop_map(|(delay, max_rate, mode)| Options { delay, max_rate, mode });
    let position = proptest::option::of(("[a-z0-9]{1,16}", any::<u64>()));
    let position = position.prop_map(|held| held.map(|(epoch, offset)| Position { epoch: epoch.into(), offset }));
    let numbers = (1..u64::MAX, any::<u64>(), any::<i64>(), ".{0,60}", any::<bool>());
    (topic(), vec(topic(), 0..4), document, detail, options, position, numbers).prop_map(
        |(topic, topics, document, detail, options, position, (id, number, at, text, flag))| Parts {
            topic,
            topics,
            document,
            detail,
            options,
            position,
            id,
            number,
            at,
            text,
            flag,
        },
    )
}

/// One of each type; the compiler says when there is another.
fn messages(parts: &Parts) -> Vec<Message<'_>> {
    let Parts { topic: game, topics, document, detail, options, position, id, number, at, text, flag } = parts;
    let (topics, position, version) = (topics.clone(), position.clone(), *number);
    let (id, at, shaped, options) = (*id, *at, Shaped(document, *detail), *options);
    let heartbeat = u32::try_from(version % 1_000).unwrap();
    let reason =
        [ResetReason::Epoch, ResetReason::Trimmed, ResetReason::Delay, ResetReason::Ahead][heartbeat as usize % 4];
    let status = [FeedStatus::Live, FeedStatus::Stale, FeedStatus::Down][heartbeat as usize % 3];
    let place = position.clone().unwrap_or(Position { epoch: "e".into(), offset: 0 });
    let all = vec![
        Message::Hello { session: text, gateway: text, heartbeat, time_ms: at },
        Message::Subscribed {
            id,
            topics: topics.clone(),
            detail: *detail,
            options,
            resumed: *flag,
            games: heartbeat as usize,
        },
        Message::State { game, version, state: shaped },
        Message::Position { id: flag.then_some(id), position: place },
        Message::Update { game, base: version / 2, version, patch: shaped, position: position.clone(), at },
        Message::Removed { game, position: position.clone() },
        Message::Reset { id: flag.then_some(id), reason },
        Message::Feed { feed: text, status, position: position.clone() },
        Message::Status { live: *flag, reason: flag.then_some(text) },
        Message::Unsubscribed { id, topics },
        Message::Options { id, options },
        Message::Authorized { id, expires_at: at },
        Message::Heartbeat { position, time_ms: at },
        Message::Pong { id, time_ms: at },
        Message::Error { id: flag.then_some(id), code: ErrorCode::TopicInvalid, message: text.clone() },
        Message::Goodbye { reason: text, reconnect_ms: version },
    ];
    for message in &all {
        match message {
            Message::Hello { .. } | Message::Subscribed { .. } | Message::State { .. } | Message::Position { .. } => {}
            Message::Update { .. } | Message::Removed { .. } | Message::Reset { .. } | Message::Feed { .. } => {}
            Message::Status { .. } | Message::Unsubscribed { .. } | Message::Options { .. } => {}
            Message::Authorized { .. } | Message::Heartbeat { .. } | Message::Pong { .. } => {}
            Message::Error { .. } | Message::Goodbye { .. } => {}
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_message_is_the_same_in_both(parts in parts()) {
        for message in messages(&parts) {
            let mut bytes = Vec::new();
            cbor::write(&mut bytes, &message);
            let from_cbor: Value = cbor4ii::serde::from_slice(&bytes).unwrap();
            let from_json: Value = serde_json::from_str(&serde_json::to_string(&message).unwrap()).unwrap();
            prop_assert_eq!(from_cbor, from_json);
        }
    }

    #[test]
    fn every_command_is_understood_the_same(
        kind in prop_oneof!["subscribe", "unsubscribe", "options", "auth", "ping", "[a-z]{1,5}"],
        fields in btree_map(prop_oneof![
            Just("id"), Just("topics"), Just("detail"), Just("since"), Just("delay"), Just("max_rate"), Just("mode"),
            Just("token"), Just("more"),
        ], prop_oneof![
            scalar(),
            (0..9_u64).prop_map(Value::from),
            Just(json!(["soccer", "tennis/wta"])),
            prop_oneof!["score", "full", "latest", "every"].prop_map(Value::from),
        ], 0..6),
    ) {
        let mut command = json!(fields);
        command["type"] = kind.into();
        let bytes = cbor4ii::serde::to_vec(Vec::new(), &command).unwrap();
        let strip = |parsed: Result<Command, _>| parsed.map_err(|reply: scoreline::wire::ErrorReply| (reply.id, reply.code));
        prop_assert_eq!(strip(Command::parse_cbor(&bytes)), strip(Command::parse(&command.to_string())));
    }

    #[test]
    fn what_is_no_command_is_an_error_and_nothing_worse(bytes in vec(any::<u8>(), 0..200)) {
        if let Err(reply) = Command::parse_cbor(&bytes) {
            prop_assert!(reply.message.starts_with("no command: ") || reply.message.starts_with("id is"), "{}", reply.message);
        }
    }
}

#[test]
fn it_is_read_as_strictly_as_json() {
    let refused = |bytes: &[u8]| Command::parse_cbor(bytes).unwrap_err().message;
    let ping = cbor4ii::serde::to_vec(Vec::new(), &json!({"type": "ping", "id": 7})).unwrap();
    assert_eq!(Command::parse_cbor(&ping), Ok(Command::Ping { id: 7 }));
    assert_eq!(refused(&ping[..ping.len() - 1]), "no command: the CBOR item is cut off");
    assert_eq!(
        refused(&[ping.as_slice(), &ping].concat()),
        format!("no command: {} bytes behind the CBOR item", ping.len())
    );
    // {"id": 1, "id": 2}, a NaN, a byte string, a tag, nesting without end.
    assert_eq!(refused(b"\xA2\x62id\x01\x62id\x02"), "no command: the key \"id\" comes twice");
    assert_eq!(refused(b"\xA1\x62id\xF9\x7E\x00"), "no command: a number that is not finite");
    assert!(refused(b"\xA1\x62id\x43abc").starts_with("no command: "));
    assert!(refused(&[0x81; 10_000]).contains("nested"));
    assert!(refused(b"").contains("cut off"));
    // A list, whose items serde would take for the fields; found by the fuzzer.
    let list = json!(["options", 5, 1]);
    let no_object = "no command: a command is an object";
    assert_eq!(refused(&cbor4ii::serde::to_vec(Vec::new(), &list).unwrap()), no_object);
    assert_eq!(Command::parse(&list.to_string()).unwrap_err().message, no_object);
    // Of indefinite length, as encoders that stream write.
    assert_eq!(Command::parse_cbor(b"\xBF\x62id\x01\x64type\x64ping\xFF"), Ok(Command::Ping { id: 1 }));
}
