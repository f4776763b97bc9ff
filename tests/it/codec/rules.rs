//! One raw case for every rule, each cut in every way.

use scoreline::codec::{Decoder, Fault, Incoming, Inflater, Limits, Role};

use super::{Event, MASK, Setup, raw, raw_length};

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const TEXT_BEGINS: u8 = 0x01;
const GOES_ON: u8 = 0x00;
const ENDS: u8 = 0x80;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8A;
const RSV1: u8 = 0x40;

fn text(text: &str) -> Event {
    Event::Text(text.into())
}

/// Decodes in one piece, byte by byte and in two pieces cut at each place: all the same.
fn decode(setup: &Setup, stream: &[u8]) -> (Vec<Event>, Option<Fault>) {
    let whole = setup.decode(stream, &[]);
    let bytes: Vec<usize> = (0..stream.len()).collect();
    assert_eq!(setup.decode(stream, &bytes), whole, "byte by byte");
    for cut in 0..stream.len().min(400) {
        assert_eq!(setup.decode(stream, &[cut]), whole, "cut at {cut}");
    }
    whole
}

#[track_caller]
fn good(stream: &[u8], events: &[Event]) {
    assert_eq!(decode(&Setup::SERVER, stream), (events.to_vec(), None));
}

/// The stream ends in a fault; what came before was delivered.
#[track_caller]
fn bad_after(setup: &Setup, stream: &[u8], events: &[Event], code: u16, reason: &str) {
    let (came, fault) = decode(setup, stream);
    let fault = fault.expect("a fault");
    assert_eq!((came.as_slice(), fault.code, fault.reason), (events, code, reason));
}

#[track_caller]
fn bad(stream: &[u8], code: u16, reason: &str) {
    bad_after(&Setup::SERVER, stream, &[], code, reason);
}

#[test]
fn messages_of_every_length_form() {
    good(&raw(TEXT, b""), &[text("")]);
    good(&raw(TEXT, "1:0 Łódź".as_bytes()), &[text("1:0 Łódź")]);
    for length in [125, 126, 127, 16 << 10] {
        good(&raw(BINARY, &vec![7; length]), &[Event::Binary(vec![7; length])]);
    }
    let roomy = Setup { limits: Limits { message_bytes: 1 << 20, fragments: 1 }, ..Setup::SERVER };
    for length in [65_535, 65_536, 1 << 20] {
        let stream = raw(BINARY, &vec![7; length]);
        let whole = roomy.decode(&stream, &[]);
        assert_eq!(whole, (vec![Event::Binary(vec![7; length])], None));
        assert_eq!(roomy.decode(&stream, &[1, 3, 9, 13, 14, 15, 40_001]), whole);
    }
}

#[test]
fn several_in_one_read() {
    let stream = [raw(TEXT, b"a"), raw(PING, b"p"), raw(BINARY, b"b"), raw(PONG, b""), raw(TEXT, b"c")].concat();
    let events = [text("a"), Event::Ping(b"p".into()), Event::Binary(b"b".into()), Event::Pong(vec![]), text("c")];
    good(&stream, &events);
}

#[test]
fn fragments_join_and_control_frames_come_between() {
    // The first character is cut in two; an empty fragment is a fragment.
    let stream = [
        raw(TEXT_BEGINS, &[0xE2]),
        raw(PING, b"now"),
        raw(GOES_ON, &[0x82, 0xAC]),
        raw(GOES_ON, b""),
        raw(PONG, b""),
        raw(ENDS, b" 5"),
        raw(TEXT, b"next"),
    ];
    good(&stream.concat(), &[Event::Ping(b"now".into()), Event::Pong(vec![]), text("€ 5"), text("next")]);
    good(&[raw(0x02, b"ab"), raw(ENDS, b"")].concat(), &[Event::Binary(b"ab".into())]);
}

#[test]
fn fragments_are_counted() {
    let fragments = |n: usize| [raw(TEXT_BEGINS, b"x"), raw(GOES_ON, b"x").repeat(n - 2), raw(ENDS, b"x")].concat();
    good(&fragments(64).repeat(2), &[text(&"x".repeat(64)), text(&"x".repeat(64))]);
    bad(&fragments(65), 1009, "message in too many fragments");
}

#[test]
fn fragments_in_the_wrong_order() {
    bad(&raw(GOES_ON, b"x"), 1002, "continuation of nothing");
    bad(&raw(ENDS, b"x"), 1002, "continuation of nothing");
    bad(&[raw(TEXT_BEGINS, b"x"), raw(TEXT, b"y")].concat(), 1002, "message inside a message");
    bad(&[raw(TEXT_BEGINS, b"x"), raw(0x02, b"y")].concat(), 1002, "message inside a message");
    let twice = [raw(TEXT_BEGINS, b"x"), raw(ENDS, b"y"), raw(ENDS, b"z")].concat();
    bad_after(&Setup::SERVER, &twice, &[text("xy")], 1002, "continuation of nothing");
}

#[test]
fn control_frames_are_short_and_whole() {
    good(&raw(PING, &[b'p'; 125]), &[Event::Ping(vec![b'p'; 125])]);
    for first in [CLOSE, PING, PONG] {
        bad(&raw(first, &[b'p'; 126]), 1002, "control frame too long");
        bad(&raw_length(first, 127, &0u64.to_be_bytes(), b""), 1002, "control frame too long");
        bad(&raw(first & 0x0F, b""), 1002, "fragmented control frame");
    }
}

#[test]
fn masks() {
    bad(&[TEXT, 0x01, b'x'], 1002, "frame is not masked");
    bad(&[PING, 0x00], 1002, "frame is not masked");
    bad_after(&Setup::CLIENT, &raw(TEXT, b"x"), &[], 1002, "frame is masked");
    assert_eq!(decode(&Setup::CLIENT, &[TEXT, 0x01, b'x']), (vec![text("x")], None));
    // A mask of zeros is a mask.
    good(&[TEXT, 0x81, 0, 0, 0, 0, b'x'], &[text("x")]);
}

#[test]
fn reserved_opcodes_and_bits() {
    for opcode in [0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF] {
        bad(&raw(0x80 | opcode, b""), 1002, "reserved opcode");
        bad(&[0x80 | opcode], 1002, "reserved opcode");
    }
    for bit in [0x10, 0x20, 0x40, 0x70] {
        for first in [TEXT, BINARY, TEXT_BEGINS, CLOSE, PING, PONG] {
            bad(&raw(bit | first, b""), 1002, "reserved bit");
        }
    }
    for first in [RSV1 | PING, RSV1 | CLOSE, RSV1 | GOES_ON, 0x10 | TEXT, 0x20 | TEXT, 0x60 | TEXT] {
        bad_after(&Setup::DEFLATE, &raw(first, b""), &[], 1002, "reserved bit");
    }
    let again = [raw(RSV1 | TEXT_BEGINS, b"x"), raw(RSV1 | ENDS, b"y")].concat();
    bad_after(&Setup::DEFLATE, &again, &[], 1002, "reserved bit");
}

#[test]
fn lengths_are_minimal_and_positive() {
    for length in [0u16, 1, 125] {
        bad(&raw_length(TEXT, 126, &length.to_be_bytes(), &[]), 1002, "length not minimal");
    }
    for length in [0u64, 125, 126, 65_535] {
        bad(&raw_length(TEXT, 127, &length.to_be_bytes(), &[]), 1002, "length not minimal");
    }
    for length in [1u64 << 63, u64::MAX] {
        bad(&raw_length(TEXT, 127, &length.to_be_bytes(), &[]), 1002, "length with the top bit");
    }
}

#[test]
fn too_big_is_told_by_the_header() {
    let limit = 16usize << 10;
    let head = |first: u8, length: u16| [&[first, 0xFE][..], &length.to_be_bytes()].concat();
    // Not even the mask is there.
    bad(&head(TEXT, limit as u16 + 1), 1009, "message too big");
    bad(&[&[TEXT, 0xFF][..], &(1u64 << 40).to_be_bytes()].concat(), 1009, "message too big");
    good(&head(TEXT, limit as u16), &[]);
    let fragments = [raw(TEXT_BEGINS, &vec![b'x'; limit - 200]), head(ENDS, 201)].concat();
    bad(&fragments, 1009, "message too big");
    // A control frame needs no room in the message.
    let full = [raw(0x02, &vec![b'x'; limit]), raw(PING, b"p"), raw(ENDS, b"")].concat();
    assert_eq!(
        Setup::SERVER.decode(&full, &[5000, limit + 8, limit + 9]),
        (vec![Event::Ping(b"p".into()), Event::Binary(vec![b'x'; limit])], None)
    );
}

#[test]
fn text_is_utf8_and_a_bad_byte_tells_at_once() {
    let cases: [&[u8]; 8] = [
        &[0xFF],
        &[0xC0, 0x80],
        &[0xED, 0xA0, 0x80],
        &[0xF4, 0x90, 0x80, 0x80],
        &[0xF4, 0x90],
        &[0xCE, 0xBA, 0xE1, 0xBD, 0xB9, 0xCF, 0x83, 0xCE, 0xBC, 0xCE, 0xB5, 0xED, 0xA0, 0x80],
        &[b'x', 0x80],
        &[0xE2, 0x28, 0xA1],
    ];
    for case in cases {
        bad(&raw(TEXT, case), 1007, "text is not UTF-8");
        bad(&raw(TEXT_BEGINS, case), 1007, "text is not UTF-8");
        bad(&[raw(TEXT_BEGINS, b"ok"), raw(GOES_ON, case)].concat(), 1007, "text is not UTF-8");
        // The frame goes on for another hundred bytes, which are not waited for.
        let mut cut_off = raw(TEXT, &[case, &[b'x'; 100]].concat());
        cut_off.truncate(cut_off.len() - 100);
        bad(&cut_off, 1007, "text is not UTF-8");
        good(&raw(BINARY, case), &[Event::Binary(case.into())]);
    }
    // A character that is cut off by the end of the message.
    bad(&raw(TEXT, &[b'x', 0xE2, 0x82]), 1007, "text is not UTF-8");
    bad(&[raw(TEXT_BEGINS, &[0xE2]), raw(ENDS, &[0x82])].concat(), 1007, "text is not UTF-8");
    // And one that is not whole yet.
    good(&raw(TEXT_BEGINS, &[b'x', 0xF0, 0x9F, 0x8F]), &[]);
}

#[test]
fn closes() {
    let close = |code: u16, reason: &[u8]| raw(CLOSE, &[&code.to_be_bytes()[..], reason].concat());
    good(&raw(CLOSE, b""), &[Event::Close(None)]);
    let allowed = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999];
    for code in allowed {
        good(&close(code, b""), &[Event::Close(Some((code, String::new())))]);
    }
    let reason = "à".repeat(61) + "!";
    good(&close(1000, reason.as_bytes()), &[Event::Close(Some((1000, reason)))]);
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, u16::MAX] {
        bad(&close(code, b""), 1002, "close code not allowed");
    }
    bad(&raw(CLOSE, b"\x03"), 1002, "close payload of one byte");
    bad(&[CLOSE, 0x81], 1002, "close payload of one byte");
    bad(&close(1000, &[0xCE, 0xBA, 0xED, 0xA0]), 1007, "close reason is not UTF-8");
}

#[test]
fn nothing_comes_after_a_close_or_a_fault() {
    let close = [raw(TEXT, b"a"), raw(CLOSE, b""), raw(TEXT, b"b"), vec![0xFF; 40]].concat();
    good(&close, &[text("a"), Event::Close(None)]);
    let inside = [raw(TEXT_BEGINS, b"a"), raw(CLOSE, b""), raw(ENDS, b"b")].concat();
    good(&inside, &[Event::Close(None)]);
    let fault = [raw(TEXT, b"a"), vec![0xFF], raw(TEXT, b"b"), raw(CLOSE, b"")].concat();
    bad_after(&Setup::SERVER, &fault, &[text("a")], 1002, "reserved opcode");
}

/// The common case costs no allocation: whole frames, plain or (from the second on) compressed.
#[test]
fn whole_frames_are_read_where_they_lie() {
    let mut stream = [raw(TEXT, &[b'x'; 300]), raw(PING, b"p"), raw(BINARY, &[1; 9000])].concat();
    // RFC 7692 section 7.2.3.1.
    let mut hello = raw(RSV1 | TEXT, &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]);
    let limits = Limits::default();
    let mut inflater = Inflater::new();
    Decoder::new(Role::Server).feed(&mut hello.clone(), &limits, Some(&mut inflater), &mut |_| ()).expect("good");
    let mut lengths = Vec::with_capacity(4);
    let cost = allocation_counter::measure(|| {
        let mut decoder = Decoder::new(Role::Server);
        let mut inflate = Inflater::new();
        let on = &mut |incoming: Incoming<'_>| match incoming {
            Incoming::Text(text) => lengths.push(text.len()),
            Incoming::Binary(bytes) | Incoming::Ping(bytes) => lengths.push(bytes.len()),
            _ => unreachable!(),
        };
        decoder.feed(&mut stream, &limits, Some(&mut inflate), on).expect("good");
        decoder.feed(&mut hello, &limits, Some(&mut inflater), on).expect("good");
    });
    assert_eq!(lengths, [300, 1, 9000, 5]);
    assert_eq!(cost.count_total, 0);
}

/// What a client claims is not what it is given: memory grows with the bytes that came.
#[test]
fn a_long_header_reserves_nothing() {
    let mut stream = raw_length(TEXT, 126, &16_000u16.to_be_bytes(), b"0123456789");
    let cost = allocation_counter::measure(|| {
        let mut decoder = Decoder::new(Role::Server);
        decoder.feed(&mut stream, &Limits::default(), None, &mut |_| ()).expect("good so far");
        assert!(!decoder.is_idle());
    });
    assert!(cost.bytes_max < 512, "{cost:?}");
}

/// 10,000 idle connections hold no buffers.
#[test]
fn an_idle_decoder_holds_nothing() {
    assert!(size_of::<Decoder>() <= 24);
    let mut decoder = Decoder::new(Role::Server);
    let mut feed = |mut bytes: Vec<u8>| {
        decoder.feed(&mut bytes, &Limits::default(), None, &mut |_| ()).expect("a good stream");
        decoder.is_idle()
    };
    assert!(feed(raw(TEXT, b"whole")));
    assert!(!feed(vec![TEXT]), "half a header");
    assert!(!feed([&[0x81][..], &MASK].concat()), "no payload yet");
    assert!(feed(vec![b'x' ^ MASK[0]]));
    assert!(!feed(raw(TEXT_BEGINS, b"a")));
    assert!(!feed(raw(PING, b"inside")));
    assert!(feed(raw(ENDS, b"b")));
    assert!(!feed(raw(TEXT_BEGINS, b"a")));
    assert!(feed(raw(CLOSE, b"")), "what was unfinished is dropped");
}
