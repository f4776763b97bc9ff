//! What one step of a program may build. Steps are bounded in number, but one alone may make a text a thousand million times
//! as long, a number twice as long, or write out a value that holds itself a million times over. So arithmetic is our own,
//! and who reads or copies a whole value is charged for it before; when a run has built too much, it halts. What a run
//! holds is then bounded by what it built and by its steps, but for copies of lists and objects that it changes.

use jaq_core::ops::Math;
use jaq_core::{Cv, Exn, RunPtr, ValXs, native};
use jaq_json::{Num, Rc, Val};
use serde::Deserialize;

use super::meter::Values;
use crate::json::parse_lenient;

/// The most bytes that a run may build.
pub(super) const MAX_BYTES: usize = 128 << 20;
/// The longest integer in bytes: arithmetic takes the longer, the longer they are, and worse than that.
const MAX_INTEGER: usize = 512;

/// Charges for the whole value, as it is written out.
pub(super) const WRITE: &str = "scoreline_write";
/// Charge for a copy of a text or a list, for a number for each of its bytes, a text for each, and what is found in each.
const COPY: &str = "scoreline_copy";
const COUNT: &str = "scoreline_count";
const SPLIT: &str = "scoreline_split";
const FIND: &str = "scoreline_find";

/// Built-in filters whose work grows with their input, and what is charged before each.
#[rustfmt::skip] // one line each
pub(super) const PARTS: [(&str, &str); 24] = [
    ("tojson", WRITE),
    ("fromjson", COUNT), ("explode", COUNT), ("indices", COUNT), ("split_", SPLIT), ("tobytes", COPY),
    ("matches", FIND), ("split_matches", FIND),
    ("implode", COPY), ("ascii_downcase", COPY), ("ascii_upcase", COPY), ("reverse", COPY), ("sort", COPY),
    ("sort_by", COPY), ("group_by", COPY), ("keys_unsorted", COPY), ("key_values", COPY), ("escape_sh", COPY),
    ("escape_html", COPY), ("unescape_html", COPY), ("encode_uri", COPY), ("decode_uri", COPY),
    ("encode_base64", COPY), ("decode_base64", COPY),
];

/// What a value takes by itself, without those in it; bytes.
fn shallow(value: &Val) -> usize {
    match value {
        Val::Null | Val::Bool(_) => 0,
        Val::Num(Num::BigInt(number)) => usize::try_from(number.bits() / 8).unwrap_or(usize::MAX),
        Val::Num(Num::Dec(digits)) => digits.len(),
        Val::Num(_) => 0,
        Val::BStr(text) | Val::TStr(text) => text.len(),
        Val::Arr(items) => items.len() * 16,
        Val::Obj(fields) => fields.len() * 48,
    }
}

/// Takes what the whole value weighs; whether there is room for it. A value that holds another one twice weighs it twice.
pub(super) fn take_deep(value: &Val, room: &mut usize) -> bool {
    let Some(left) = room.checked_sub(shallow(value) + 16) else { return false };
    *room = left;
    match value {
        Val::Arr(items) => items.iter().all(|item| take_deep(item, room)),
        Val::Obj(fields) => fields.iter().all(|(key, value)| take_deep(key, room) && take_deep(value, room)),
        _ => true,
    }
}

/// Whether somebody else holds it too: then who adds to it makes a copy first.
fn is_shared(value: &Val) -> bool {
    match value {
        Val::BStr(text) | Val::TStr(text) => !text.is_unique(),
        Val::Arr(items) => Rc::strong_count(items) > 1,
        Val::Obj(fields) => Rc::strong_count(fields) > 1,
        _ => true,
    }
}

/// What `left op right` builds; bytes.
fn builds(op: Math, left: &Val, right: &Val) -> usize {
    let (weighs, with) = (shallow(left), shallow(right));
    let copied = if is_shared(left) { weighs } else { 0 };
    match (op, left, right) {
        (Math::Mul, Val::BStr(_) | Val::TStr(_), Val::Num(times)) => repeated(weighs, times),
        (Math::Mul, Val::Num(times), Val::BStr(_) | Val::TStr(_)) => repeated(with, times),
        // A text that is split; each part is a value.
        (Math::Div, Val::BStr(_) | Val::TStr(_), _) => weighs.saturating_mul(64),
        (Math::Sub, ..) => copied.saturating_add(with.saturating_mul(2)),
        _ => copied.saturating_add(with),
    }
}

fn repeated(bytes: usize, times: &Num) -> usize {
    match times {
        Num::Int(times) => bytes.saturating_mul(usize::try_from(*times).unwrap_or(0)),
        Num::BigInt(_) => usize::MAX,
        _ => 0,
    }
}

fn math(mut cv: Cv<'_, Values>, op: Math) -> ValXs<'_, Val> {
    let (right, left) = (cv.0.pop_var(), cv.0.pop_var());
    // Its input may be the left side, which is then ours alone.
    cv.1 = Val::Null;
    let long = |value: &Val| matches!(value, Val::Num(Num::BigInt(_))) && shallow(value) > MAX_INTEGER;
    let room = if long(&left) || long(&right) { usize::MAX } else { builds(op, &left, &right) };
    let result = cv.0.data().build(room).and_then(|()| op.run(left, right).map_err(Exn::from));
    Box::new(std::iter::once(result))
}

/// Charges for the input; an empty stream.
fn charge<'a>(cv: &Cv<'a, Values>, times: usize) -> ValXs<'a, Val> {
    Box::new(cv.0.data().build(shallow(&cv.1).saturating_mul(times)).err().map(Err).into_iter())
}

/// The value that a text is in JSON, as lenient as payloads are read. jaq's own reads as deep as its stack is, and beyond.
fn from_json(cv: Cv<'_, Values>) -> ValXs<'_, Val> {
    let read = cv.1.try_as_utf8_bytes_owned().and_then(|text| {
        let value = parse_lenient(&text).map_err(jaq_core::Error::str)?;
        Val::deserialize(value).map_err(jaq_core::Error::str)
    });
    native::bome(read)
}

/// What an operator is called.
pub(super) fn name(op: Math) -> &'static str {
    match op {
        Math::Add => "scoreline_add",
        Math::Sub => "scoreline_sub",
        Math::Mul => "scoreline_mul",
        Math::Div => "scoreline_div",
        Math::Rem => "scoreline_rem",
    }
}

/// Our own filters.
pub(super) fn funs() -> impl Iterator<Item = native::Fun<Values>> {
    #[rustfmt::skip] // one line each
    let funs: [(&'static str, usize, RunPtr<Values>); 11] = [
        (name(Math::Add), 2, |cv| math(cv, Math::Add)),
        (name(Math::Sub), 2, |cv| math(cv, Math::Sub)),
        (name(Math::Mul), 2, |cv| math(cv, Math::Mul)),
        (name(Math::Div), 2, |cv| math(cv, Math::Div)),
        (name(Math::Rem), 2, |cv| math(cv, Math::Rem)),
        (WRITE, 0, |cv| Box::new(cv.0.data().write(&cv.1).err().map(Err).into_iter())),
        (COPY, 0, |cv| charge(&cv, 2)),
        (COUNT, 0, |cv| charge(&cv, 16)),
        (SPLIT, 0, |cv| charge(&cv, 64)),
        (FIND, 0, |cv| charge(&cv, 512)),
        ("fromjson", 0, from_json),
    ];
    funs.into_iter().map(|(name, arity, run)| native::run::<Values>((name, native::v(arity), run)))
}
