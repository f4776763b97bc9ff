//! Formats of one's own without Rust: an adapter whose mapping is a jq program, run by jaq. The program's input is the
//! payload, each output a report (as `POST /v1/updates` takes it) or an array of them.
//!
//! The program is given as text by whoever runs the service and is trusted like a config; payloads are not. So a run is
//! bounded in steps, depth and output, and what would make it more than a function of the payload is not there: no clock,
//! no environment, no files, no modules.

mod meter;
mod weight;

use serde::Deserialize;
use serde_json::Value;

use super::{Adapter, Decoded, read};
use crate::report::{Change, Invalid, Report};
use crate::{Document, document, game, json};
use meter::{Halt, Program};

/// The most reports of a payload, as of a batch.
const MAX_REPORTS: usize = 1_000;

/// An adapter that is a jq program.
pub struct Jq {
    name: String,
    program: Program,
}

impl std::fmt::Debug for Jq {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jq").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Jq {
    /// Compiles a program; `name` is what the adapter is called.
    ///
    /// # Errors
    /// Why it is no program, with line and column.
    pub fn new(name: &str, program: &str) -> Result<Jq, json::BadJson> {
        Ok(Jq { name: name.to_owned(), program: Program::compile(program)? })
    }
}

impl Adapter for Jq {
    fn name(&self) -> &str {
        &self.name
    }

    fn decode(&self, payload: &[u8]) -> Result<Decoded, Invalid> {
        let input = read::json(payload)?;
        let input = jaq_json::Val::deserialize(input).map_err(|error| Invalid::new("", format!("no JSON: {error}")))?;
        let mut decoded = Decoded::default();
        let mut index = 0;
        let ended = self.program.run(input, |output| {
            let values = match json::parse(output.to_string().as_bytes()) {
                Ok(Value::Array(values)) => values.into_iter().map(Ok).collect(),
                value => vec![value],
            };
            for value in values {
                let pointer = format!("/{index}");
                index += 1;
                let value = value.map_err(|error| Invalid::new("", format!("no JSON: {error}")));
                match value.and_then(report).map_err(|fault| read::below(&pointer, fault)) {
                    Ok(report) => decoded.reports.push(report),
                    Err(fault) => decoded.refuse(fault),
                }
            }
            index <= MAX_REPORTS
        });
        if index > MAX_REPORTS {
            return Err(Invalid::new("", format!("the program makes more than {MAX_REPORTS} reports of it")));
        }
        match ended {
            Ok(()) => Ok(decoded),
            // What came before an error counts; a program that was stopped has said nothing in full.
            Err(Halt::Error(why)) if index > 0 => {
                decoded.refuse(Invalid::new(format!("/{index}"), why));
                Ok(decoded)
            }
            Err(Halt::Error(why) | Halt::Stopped(why)) => Err(Invalid::new("", why)),
        }
    }
}

/// One output as a report of a valid game.
fn report(value: Value) -> Result<Report, Invalid> {
    let report = Report::from_value(value)?;
    let (field, change) = match &report.change {
        Change::Patch(patch) => ("/patch", patch),
        Change::Image(image) => ("/image", image),
    };
    // A patch is checked by what it makes of nothing: what it says must fit the schema by itself.
    let mut document = Document::new();
    document::apply(&mut document, change);
    let document = if field == "/image" { change } else { &document };
    game::validate(document, &report.game).map_err(|fault| read::below(field, fault))?;
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(program: &str, payload: &str) -> Result<Decoded, Invalid> {
        Jq::new("own", program).unwrap_or_else(|fault| panic!("{program}: {fault}")).decode(payload.as_bytes())
    }

    fn fault(program: &str, payload: &str) -> String {
        decode(program, payload).unwrap_err().to_string()
    }

    const MAPPING: &str = r#"
        def status: {"playing": "live", "over": "final"}[.] // "unknown";
        .matches[] | {
          game: "soccer/\(.league | ascii_downcase)/\(.id)",
          event_at: (.changed | fromdate * 1000),
          image: {status: (.state | status), competitors: ([.home, .away] | {home: .[0], away: .[1]}
            | map_values({kind: "team", name, score: {total: (.goals | tonumber)}}))}}"#;

    #[test]
    fn a_program_makes_reports() {
        let payload = r#"{"matches":[{"id":7,"league":"EPL","state":"playing","changed":"2026-11-22T15:00:00Z",
            "home":{"name":"A","goals":"2"},"away":{"name":"B","goals":"1"}}]}"#;
        let decoded = decode(MAPPING, payload).unwrap();
        assert_eq!(decoded.refused, []);
        let report = &decoded.reports[0];
        assert_eq!((report.game.as_str(), report.event_at), ("soccer/epl/7", Some(1_795_359_600_000)));
        let Change::Image(image) = &report.change else { panic!("an image") };
        assert_eq!(image["competitors"]["home"]["score"]["total"], 2);
        assert_eq!(decode(MAPPING, r#"{"matches":[]}"#).unwrap(), Decoded::default());
    }

    #[test]
    fn what_it_makes_is_held_to_the_schema_and_the_rest_counts() {
        let good = r#"{game: "a/b/c", patch: {status: "live", situation: null}}"#;
        let program = format!(
            r#"{good}, [{{game: "a/b", patch: {{}}}}, {good}], 5, {{game: "a/b/c", image: {{status: "paused"}}}}, nan"#
        );
        let decoded = decode(&program, "null").unwrap();
        assert_eq!(decoded.reports.len(), 2);
        let pointers: Vec<&str> = decoded.refused.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/1/game", "/3", "/4/image/status", "/5"]);
    }

    #[test]
    fn errors_say_what_and_where() {
        assert!(fault(".x.y", "[1]").contains("cannot index"), "{}", fault(".x.y", "[1]"));
        assert_eq!(fault("error(\"no \\(.id)\")", r#"{"id":3}"#), ": the program: no 3");
        let decoded = decode(r#"{game: "a/b/c", patch: {}}, error("then")"#, "1").unwrap();
        assert_eq!((decoded.reports.len(), decoded.refused[0].to_string().as_str()), (1, "/1: the program: then"));
        assert!(fault(".", "{").starts_with(": no JSON: line 1"));
        for (program, place) in [
            ("", "line 1, column 1: "),
            (".a |", "line 1, column 5: "),
            (".a\n| (", "line 2, column 4: "),
            ("1\n  + nope(2)", "line 2, column 5: there is no filter nope/1"),
            ("$x", "line 1, column 1: there is no variable $x"),
            ("include \"a\"; .", "line 1, column "),
            ("now", "line 1, column 1: there is no filter now/0"),
            ("env", "line 1, column 1: there is no filter env/0"),
            ("halt", "line 1, column 1: there is no filter halt/0"),
            ("input", "line 1, column 1: there is no filter input/0"),
            ("debug", "line 1, column 1: there is no filter debug/0"),
            ("localtime", "line 1, column 1: there is no filter localtime/0"),
            ("[1, (2 + nope)]", "line 1, column 10: there is no filter nope/0"),
        ] {
            let fault = Jq::new("own", program).unwrap_err().to_string();
            assert!(fault.starts_with(place), "{program:?}: {fault}");
        }
    }

    #[test]
    fn a_run_is_bounded_in_what_it_builds() {
        for program in [
            "\"x\" * 1000000000",
            ".times * \"x\"",
            "reduce range(100) as $i (\"x\"; . + .)",
            "reduce range(100) as $i (\"x\"; . += .)",
            "reduce range(100) as $i ([1]; . + .)",
            "reduce range(100) as $i (7; . * .)",
            "reduce range(100) as $i (7; . *= .)",
            // A value that holds itself: small, until it is written out.
            "reduce range(100) as $i (1; [., .]) | tojson",
            "reduce range(100) as $i (1; [., .]) | \"\\(.)\"",
            "reduce range(100) as $i (1; [., .])",
            "[range(1000) as $i | .text + \"y\"]",
            "[range(1000) as $i | .text | ascii_downcase]",
            "[range(1000) as $i | .text | explode]",
            "[range(1000) as $i | .text / \"\"]",
            "[range(1000) as $i | .text | [match(\"\"; \"g\")]]",
        ] {
            let payload = format!(r#"{{"times":1000000000,"text":"{}"}}"#, "x".repeat(1_000_000));
            assert_eq!(fault(program, &payload), ": the program builds more than 128 MiB", "{program}");
        }
        // What a mapping needs is far from the bounds.
        let text = format!(r#"{{"text":"{}"}}"#, "x".repeat(1_000_000));
        for program in [
            ".text | explode | implode | ascii_upcase | empty",
            "[.text[:100000] | split(\"\")[]] | length | empty",
            "reduce (.text | explode[:5000][]) as $c (\"\"; . + \"\\($c)\") | empty",
            "reduce range(10000) as $i ({}; .[\"k\\($i)\"] = $i) | empty",
            "[range(500) | [range(10)]] | add | empty",
        ] {
            assert_eq!(decode(program, &text).unwrap(), Decoded::default(), "{program}");
        }
    }

    #[test]
    fn a_text_that_should_be_a_number_may_be_anything() {
        let number = |text: &str| {
            let program =
                r#"{game: "a/b/c", patch: {status_reason: (try (.goals | tonumber | tostring) catch "none")}}"#;
            let payload = serde_json::json!({"goals": text}).to_string();
            let decoded = decode(program, &payload).unwrap();
            let Change::Patch(patch) = &decoded.reports[0].change else { panic!("a patch") };
            patch["status_reason"].as_str().unwrap().to_owned()
        };
        assert_eq!(number("3"), "3");
        assert_eq!(number("2.5"), "2.5");
        for text in ["", "3 4", "nan", "[1]", "three", &"[".repeat(100_000), &"{\"a\":".repeat(100_000)] {
            assert_eq!(number(text), "none", "{text:.20}");
        }
        assert_eq!(number(&"9".repeat(300)).parse(), Ok(1e300));
        assert_eq!(number(&"9".repeat(4_000_000)), "none");
    }

    #[test]
    fn a_run_is_bounded_in_steps_depth_and_output() {
        let list = format!("[{}1]", "1,".repeat(1_999));
        for program in [
            "def f: f; f",
            "reduce range(0; 1e15) as $i (0; . + $i)",
            "[{a: .[], b: .[]}] | length",
            "[.[] + .[]] | length",
        ] {
            assert_eq!(fault(program, &list), ": the program takes more than 1000000 steps", "{program}");
        }
        for program in [
            "def f: 1 + f; f",
            "def f: [f]; f",
            "def f: {a: f}; f",
            "def f: f | f; f",
            // Each argument is the one before less one: it is the arguments that are deep.
            "def f(n): if n == 0 then 0 else 1 + f(n - 1) end; f(100000)",
        ] {
            assert_eq!(fault(program, "1"), ": the program recurses too deep", "{program}");
        }
        let reports = r#"range(2000) | {game: "a/b/c", patch: {}}"#;
        assert_eq!(fault(reports, "1"), ": the program makes more than 1000 reports of it");
        assert_eq!(fault("[range(2000) | {game: \"a/b/c\", patch: {}}]", "1"), fault(reports, "1"));
        // What a mapping needs is far from the bounds.
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        assert_eq!(decode("[..] | length | empty", &deep).unwrap(), Decoded::default());
        assert_eq!(decode("walk(.) | [.. | scalars] | add | empty", &deep).unwrap(), Decoded::default());
        assert_eq!(decode("[range(100000)] | map(. * 2) | add | empty", "1").unwrap(), Decoded::default());
    }
}
