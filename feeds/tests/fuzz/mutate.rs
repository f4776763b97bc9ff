//! Mutants of a corpus, by a seed.

use serde_json::Value;

/// SplitMix64: the same seed, the same run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Below a bound; 0 where it is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % (bound.max(1) as u64)) as usize
    }
}

/// Pieces that formats stumble over.
const PIECES: [&[u8]; 26] = [
    b"",
    b"null",
    b"0",
    b"-1",
    b"1e309",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"\"-9223372036854775808\"",
    b"18446744073709551616",
    b"0.1",
    b"\"\"",
    b"[]",
    b"{}",
    b"true",
    b"\xff",
    b"\xEF\xBB\xBF",
    "é".as_bytes(),
    "𝔊".as_bytes(),
    b"\\ud800",
    b"\0",
    b"<a>",
    b"&lt;",
    b"\r\n",
    b",",
    b"90+3",
    b"T00:00Z",
];

/// One mutant of a corpus.
pub(crate) fn mutant(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let base = &corpus[random.below(corpus.len())];
    changed(base, corpus, random)
}

/// These bytes, changed here and there, also by pieces of a corpus.
pub(crate) fn changed(base: &[u8], corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = base.to_vec();
    // Half of those that are JSON stay JSON: then other readers than the parser see it.
    if random.below(2) == 0
        && let Ok(mut value) = serde_json::from_slice(&bytes)
    {
        (0..=random.below(3)).for_each(|_| graft(&mut value, random));
        return serde_json::to_vec(&value).unwrap();
    }
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len() + 1);
        let most = if random.below(4) == 0 { 200 } else { 6 };
        let long = random.below(most);
        let until = bytes.len().min(at + long);
        match random.below(7) {
            0 => drop(bytes.splice(at..until, PIECES[random.below(PIECES.len())].iter().copied())),
            1 => drop(bytes.drain(at..until)),
            2 => {
                let copy = bytes[at..until].to_vec();
                let to = random.below(bytes.len() + 1);
                drop(bytes.splice(to..to, copy));
            }
            3 if at < bytes.len() => bytes[at] ^= 1_u8 << random.below(8),
            4 if at < bytes.len() && bytes[at].is_ascii_digit() => bytes[at] = b'0' + random.below(10) as u8,
            5 => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len() + 1);
                let piece = other[from..other.len().min(from + long * 4)].to_vec();
                drop(bytes.splice(at..until, piece));
            }
            _ => bytes.truncate(at.max(bytes.len() / 2)),
        }
    }
    bytes
}

/// Puts a piece in place of one value, somewhere inside.
fn graft(value: &mut Value, random: &mut Random) {
    let deeper = random.below(8) > 0;
    let inner = match value {
        Value::Object(fields) if deeper => {
            let at = random.below(fields.len());
            fields.values_mut().nth(at)
        }
        Value::Array(items) if deeper => {
            let at = random.below(items.len());
            items.get_mut(at)
        }
        _ => None,
    };
    match inner {
        Some(inner) => graft(inner, random),
        None => {
            let piece = String::from_utf8_lossy(PIECES[random.below(PIECES.len())]);
            *value = serde_json::from_str(&piece).unwrap_or_else(|_| piece.into());
        }
    }
}
