//! permessage-deflate without context takeover: each message stands alone, so that one compressed frame serves every subscriber.

use bytes::Bytes;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::Fault;
use super::encode::{RSV1, header_size, whole};

/// Shorter payloads go plain: what they would save is not worth the receiver's inflating.
pub const DEFLATE_FROM: usize = 128;

/// The empty stored block that a flush ends with; it is left out on the wire (RFC 7692 section 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];
/// What ends a message when it is inflated: the tail, and an empty final block, which is only reached where the data before is whole.
const END: [u8; 6] = [0x00, 0x00, 0xFF, 0xFF, 0x03, 0x00];
/// Inflated text is made room for in such pieces (bytes).
const ROOM: usize = 4096;

/// Compresses frames. It holds about 380 KB from the first one on, so a few of them serve all.
#[derive(Default)]
pub struct Deflater {
    stream: Option<Compress>,
    out: Vec<u8>,
}

impl Deflater {
    /// Nothing is allocated before the first message.
    pub fn new() -> Self {
        Self::default()
    }

    /// The compressed form of a data frame that `frame` or `frame_with` made, or that frame itself where it is short or does not shrink.
    pub fn deflate(&mut self, plain: &Bytes) -> Bytes {
        let payload = &plain[header_size(plain)..];
        match self.shrink(payload) {
            Some(small) => whole(plain[0] | RSV1, small),
            None => plain.clone(),
        }
    }

    /// The compressed payload, where that saves something.
    fn shrink(&mut self, payload: &[u8]) -> Option<&[u8]> {
        if payload.len() < DEFLATE_FROM {
            return None;
        }
        let stream = self.stream.get_or_insert_with(|| Compress::new(Compression::new(6), false));
        stream.reset();
        self.out.clear();
        self.out.reserve_exact(payload.len() + TAIL.len());
        stream.compress_vec(payload, &mut self.out, FlushCompress::Sync).ok()?;
        // Output that filled its room may lack its end; it is no shorter than the payload either.
        self.out.strip_suffix(&TAIL).filter(|small| small.len() < payload.len())
    }
}

/// Inflates messages, one at a time: one serves all connections of a shard. It holds about 50 KB from the first message on, and room
/// for the longest message that came.
#[derive(Default)]
pub struct Inflater {
    stream: Option<Decompress>,
    out: Vec<u8>,
}

impl Inflater {
    /// Nothing is allocated before the first message.
    pub fn new() -> Self {
        Self::default()
    }

    /// The message in full. It stops as soon as there is more than `max` bytes of it.
    pub(super) fn inflate(&mut self, deflated: &[u8], max: usize) -> Result<&[u8], Fault> {
        let stream = self.stream.get_or_insert_with(|| Decompress::new(false));
        stream.reset(false);
        self.out.clear();
        run(stream, &mut self.out, deflated, max)?;
        match run(stream, &mut self.out, &END, max)? {
            Status::StreamEnd => Ok(&self.out),
            _ => Err(Fault::BAD_DEFLATE),
        }
    }
}

/// Takes in all of `input`; says whether it ended with a final block. A final block inside a message is legal (RFC 7692 section 7.2.3.4).
fn run(stream: &mut Decompress, out: &mut Vec<u8>, mut input: &[u8], max: usize) -> Result<Status, Fault> {
    loop {
        if out.len() == out.capacity() {
            out.reserve(ROOM.min(max + 1 - out.len()));
        }
        let before = stream.total_in();
        let status = stream.decompress_vec(input, out, FlushDecompress::None).map_err(|_| Fault::BAD_DEFLATE)?;
        let read = usize::try_from(stream.total_in() - before).expect("no more than the input");
        input = &input[read..];
        if out.len() > max {
            return Err(Fault::TOO_BIG);
        }
        if status == Status::StreamEnd {
            stream.reset(false);
        } else if out.len() == out.capacity() {
            continue; // there may be more to come out
        } else if !input.is_empty() {
            return Err(Fault::BAD_DEFLATE);
        }
        if input.is_empty() {
            return Ok(status);
        }
    }
}
