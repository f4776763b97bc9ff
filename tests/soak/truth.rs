//! The final log, read from the stream itself by a reader of its own.

use serde_json::{Value, json};

use super::journal::{self, Entry, GAMES};
use crate::redis::server::Server;

const PAGE: usize = 1_000;

/// Every entry of the log, with the documents that follow from them.
pub(super) fn read(server: &Server) -> Vec<Entry> {
    let mut connection = server.connection();
    let mut documents: Vec<Value> = vec![json!({}); GAMES];
    let (mut entries, mut after): (Vec<Entry>, _) = (Vec::new(), "-".to_owned());
    loop {
        let mut range = redis::cmd("XRANGE");
        range.arg("{scoreline}:log").arg(&after).arg("+").arg("COUNT").arg(PAGE);
        let page: Vec<(String, (String, String))> = range.query(&mut connection).unwrap();
        for (id, (_, text)) in &page {
            entries.push(entry(id, text, &mut documents));
        }
        match page.last() {
            Some((id, _)) if page.len() == PAGE => after = format!("({id}"),
            _ => return entries,
        }
    }
}

fn entry(id: &str, text: &str, documents: &mut [Value]) -> Entry {
    let (line, event) = text.split_once('\n').unwrap();
    let words: Vec<&str> = line.split(' ').collect();
    let [_, _, offset, _, name, base, version, ..] = words[..] else { panic!("{line}") };
    assert_eq!(id, format!("{offset}-0"));
    let (game, base, version) = (journal::number(name), base.parse().unwrap(), version.parse().unwrap());
    let event: Value = serde_json::from_str(event).unwrap();
    let (document, removed) = (&mut documents[game], event["kind"] == "removed");
    if base == 0 {
        *document = json!({});
    }
    if !removed {
        json_patch::merge(document, &event["patch"]);
    }
    let report = event["patch"]["info"]["report"].as_u64().unwrap_or(0);
    let (full, score) = (journal::crc(document, false), journal::crc(document, true));
    Entry { offset: offset.parse().unwrap(), game, base, version, removed, report, full, score }
}
