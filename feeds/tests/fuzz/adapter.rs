//! What an adapter owes for whatever bytes.

use std::path::Path;

use feeds::provider::{Adapter, golden};
use feeds::{Change, Document, document, game};

/// The payloads of a golden pair, and all of them as a connection brings them; from the folder of this project's package and the way to the pair's.
pub(crate) fn recordings(package: &str, folder: &str, name: &str) -> Vec<Vec<u8>> {
    let path = Path::new(package).join(folder).join(format!("{name}.jsonl"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let payloads: Vec<Vec<u8>> = text.lines().map(|line| golden::payload(line).into_owned()).collect();
    let connection = payloads.join(&NEXT);
    payloads.into_iter().chain([connection]).collect()
}

/// Stands between two messages of a connection; no payload has it.
pub(crate) const NEXT: u8 = 0;

/// No panic, a decoded report is valid, and the same bytes say the same again. What a connection holds is made of many
/// messages, broken ones too.
pub(crate) fn check(adapter: &dyn Adapter, bytes: &[u8]) {
    let mut assembler = adapter.assembler();
    for message in bytes.split(|byte| *byte == NEXT) {
        decode(adapter, message);
        if let Some(Ok(Some(payload))) = assembler.as_mut().map(|assembler| assembler.take(message)) {
            decode(adapter, &payload);
        }
    }
}

fn decode(adapter: &dyn Adapter, bytes: &[u8]) {
    let decoded = adapter.decode(bytes);
    assert_eq!(decoded, adapter.decode(bytes), "the same bytes say the same");
    for report in decoded.into_iter().flat_map(|decoded| decoded.reports) {
        let mut applied = Document::new();
        let document = match &report.change {
            Change::Image(image) => image,
            Change::Patch(patch) => {
                document::apply(&mut applied, patch);
                &applied
            }
        };
        assert_eq!(game::validate(document, &report.game), Ok(()), "{}", report.game);
        assert!(report.game.is_game());
    }
}
