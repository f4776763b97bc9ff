//! What an upgrade negotiates, header by header.

use base64::{Engine, prelude::BASE64_STANDARD};
use scoreline::codec::{Choice, Refused, Upgrade, accept_key, choose_subprotocol, negotiate, valid_key};

const JSON: &str = "scoreline.v1.json";
const CBOR: &str = "scoreline.v1.cbor";
const BOTH: [&str; 2] = [JSON, CBOR];

#[test]
fn the_key_of_the_rfc() {
    assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[test]
fn what_a_client_asks_is_what_a_server_takes() {
    let asked = Upgrade::new(0x7468_6520_7361_6d70_6c65_206e_6f6e_6365); // "the sample nonce"
    let [.., version, (name, key)] = asked.headers();
    assert_eq!((version, name), (("Sec-WebSocket-Version", "13"), "Sec-WebSocket-Key"));
    assert_eq!(key, "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(asked.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert!(valid_key(Upgrade::new(fastrand::u128(..)).headers()[3].1));
}

#[test]
fn a_key_is_sixteen_bytes() {
    for key in ["dGhlIHNhbXBsZSBub25jZQ==", "AAAAAAAAAAAAAAAAAAAAAA==", "/+/+/+/+/+/+/+/+/+/+/w=="] {
        assert!(valid_key(key), "{key}");
    }
    assert!(valid_key("abcdefghijklmnopqrstuv=="), "spare bits are ignored");
    for length in [0, 1, 15, 17, 18, 32] {
        assert!(!valid_key(&BASE64_STANDARD.encode(vec![7; length])), "{length}");
    }
    for key in [
        "",
        "x",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZ===",
        "dGhlIHNhbXBsZSBub25jZ_==",
        " dGhlIHNhbXBsZSBub25jZQ=",
    ] {
        assert!(!valid_key(key), "{key}");
    }
}

#[track_caller]
fn chosen(offered: &[&str], protocol: Option<&'static str>, token: Option<&str>) {
    assert_eq!(choose_subprotocol(offered.iter().copied(), &BOTH), Ok(Choice { protocol, token }), "{offered:?}");
}

#[test]
fn the_clients_first_that_is_known() {
    chosen(&["scoreline.v1.json"], Some(JSON), None);
    chosen(&["scoreline.v1.cbor, scoreline.v1.json"], Some(CBOR), None);
    chosen(&["graphql-ws,scoreline.v1.json ,\tscoreline.v1.cbor"], Some(JSON), None);
    chosen(&["mqtt", "scoreline.v1.cbor"], Some(CBOR), None);
    chosen(&[], None, None);
    chosen(&[" , "], None, None);
    chosen(&["bearer.ey.J0.x, scoreline.v1.json"], Some(JSON), Some("ey.J0.x"));
    chosen(&["scoreline.v1.json, bearer.one, bearer.two"], Some(JSON), Some("one"));
}

#[test]
fn offered_but_not_known() {
    for offered in ["graphql-ws", "bearer.ey.J0.x", "SCORELINE.V1.JSON", "scoreline.v1", "scoreline.v1.json2"] {
        assert_eq!(choose_subprotocol([offered], &BOTH), Err(Refused), "{offered}");
    }
    assert_eq!(choose_subprotocol([CBOR], &[JSON]), Err(Refused), "known is what the caller says");
}

const AGREED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
const AGREED_WINDOW: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15";

#[track_caller]
fn answers(offers: &[&str], answer: Option<&str>) {
    assert_eq!(negotiate(offers.iter().copied()).map(|agreed| agreed.header()), answer, "{offers:?}");
}

#[test]
fn offers_that_are_met() {
    for offer in [
        "permessage-deflate",
        "Permessage-Deflate ; CLIENT_MAX_WINDOW_BITS",
        "permessage-deflate; client_max_window_bits", // what browsers say
        "permessage-deflate; client_max_window_bits=8",
        "permessage-deflate;client_max_window_bits=\"15\"",
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits = 10",
        "x-webkit-deflate-frame, permessage-deflate; client_max_window_bits",
    ] {
        answers(&[offer], Some(AGREED));
    }
    answers(&["permessage-deflate; server_max_window_bits=15"], Some(AGREED_WINDOW));
    answers(&["permessage-bzip2", "permessage-deflate"], Some(AGREED));
}

#[test]
fn offers_that_are_passed_over() {
    for offer in [
        "",
        " , ",
        "permessage-bzip2",
        "permessage-deflate; server_max_window_bits=10", // smaller than ours
        "permessage-deflate; server_max_window_bits=14",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=015",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; client_max_window_bits=08",
        "permessage-deflate; client_max_window_bits=",
        "permessage-deflate; client_max_window_bits=\"10",
        "permessage-deflate; client_max_window_bits=10\"",
        "permessage-deflate; client_max_window_bits; client_max_window_bits",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; client_no_context_takeover=1",
        "permessage-deflate; compression_level=9",
        "permessage-deflate;",
        "permessage-deflate=1",
        "permessage-deflate server_no_context_takeover",
    ] {
        answers(&[offer], None);
        let next = format!("{offer}, permessage-deflate");
        answers(&[&next], Some(AGREED));
    }
    answers(&["permessage-deflate; server_max_window_bits=10, permessage-deflate; foo"], None);
    answers(
        &["permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=15"],
        Some(AGREED_WINDOW),
    );
}
