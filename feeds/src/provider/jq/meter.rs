//! A compiled program whose every step is counted. jaq runs what it is given for as long as it takes; so the program's tree
//! is rewritten before it is compiled: each definition, each right side of a pipe, each element of a list and each turn of
//! a fold first takes a step, an empty stream that halts the run when there are none left or the stack is too deep; each
//! argument, which may be another one's argument without end, looks at the stack alone. What one step could build without
//! bound is weighed before: see [`weight`](super::weight). Halting cannot be caught.

use std::cell::Cell;

use jaq_core::data::{DataT, HasLut};
use jaq_core::load::lex::{Lexer, StrPart};
use jaq_core::load::parse::{BinaryOp, Def, Parser, Pattern, Term};
use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::path::{Part, Path};
use jaq_core::{Compiler, Ctx, Cv, Exn, Filter, Lut, ValXs, Vars, native};
use jaq_json::Val;
use jaq_std::ValT;

use super::weight::{self, PARTS};
use crate::json::BadJson;

/// The most steps of a run: about a second; the greatest scoreboard takes some 10,000.
const MAX_STEPS: u64 = 1_000_000;
/// How much stack a run may take, of the 2 MiB that threads have.
const MAX_STACK: usize = 1 << 20;

/// Filters that are no functions of the payload, or print, or leave.
const LEFT_OUT: [&str; 15] = [
    // Ours is bounded in depth, and in digits.
    "fromjson",
    "now",
    "env",
    "localtime",
    "strflocaltime",
    "debug",
    "debug_empty",
    "stderr",
    "stderr_empty",
    "halt",
    "halt_error",
    "input",
    "inputs",
    "input_line_number",
    "range",
];

/// `range` of jaq takes no steps.
const OURS: &str = "
def range($from; $to; $by):
    if   $by > 0 then $from | while(. < $to; . + $by)
    elif $by < 0 then $from | while(. > $to; . + $by)
    else empty end;
def range($from; $to): range($from; $to; 1);
def range($to): range(0; $to; 1);
";

/// The names that the rewriting brings in.
const STEP: &str = "scoreline_step";
const LOOK: &str = "scoreline_look";
const NOTHING: &str = "$scoreline_nothing";
const PART: &str = "$scoreline_part";
const MAIN: &str = "scoreline_main";

/// What filters are run on.
pub(super) struct Values;

impl DataT for Values {
    type V<'a> = Val;
    type Data<'a> = Run<'a>;
}

/// One run: what is left of it.
#[derive(Clone)]
pub(super) struct Run<'a> {
    lut: &'a Lut<Values>,
    steps: &'a Cell<u64>,
    /// How many bytes may still be built.
    room: &'a Cell<usize>,
    /// Where the stack was when it began.
    stack: usize,
}

impl<'a> HasLut<'a, Values> for Run<'a> {
    fn lut(&self) -> &'a Lut<Values> {
        self.lut
    }
}

/// Why a run ended early.
#[derive(Debug)]
pub(super) enum Halt {
    /// The program raised an error that it did not catch.
    Error(String),
    /// It was stopped.
    Stopped(String),
}

const NO_STEPS: i32 = 1;
const NO_STACK: i32 = 2;
const NO_ROOM: i32 = 3;

impl Run<'_> {
    /// Takes so many bytes of what may be built; whether there were as many.
    pub(super) fn build<'e>(&self, bytes: usize) -> Result<(), Exn<'e, Val>> {
        let left = self.room.get().checked_sub(bytes).ok_or_else(|| Exn::halt(NO_ROOM))?;
        self.room.set(left);
        Ok(())
    }

    /// The same for a whole value, as it is written out.
    pub(super) fn write<'e>(&self, value: &Val) -> Result<(), Exn<'e, Val>> {
        let mut room = self.room.get();
        let fits = weight::take_deep(value, &mut room);
        self.room.set(room);
        if fits { Ok(()) } else { Err(Exn::halt(NO_ROOM)) }
    }
}

/// Looks whether the stack is too deep; an empty stream.
fn look(cv: Cv<'_, Values>) -> ValXs<'_, Val> {
    match cv.0.data().stack.abs_diff(here()) > MAX_STACK {
        true => halted(NO_STACK),
        false => Box::new(std::iter::empty()),
    }
}

/// Takes a step, and looks; an empty stream.
fn step(cv: Cv<'_, Values>) -> ValXs<'_, Val> {
    let steps = cv.0.data().steps;
    match steps.get().checked_sub(1) {
        None => halted(NO_STEPS),
        Some(left) => {
            steps.set(left);
            look(cv)
        }
    }
}

fn halted<'a>(code: i32) -> ValXs<'a, Val> {
    Box::new(std::iter::once(Err(Exn::halt(code))))
}

/// The nearest segment of a topic to a text, as `"Bayern München" | slug`; null where there is none.
fn slug(cv: Cv<'_, Values>) -> ValXs<'_, Val> {
    let text = cv.1.as_utf8_bytes().and_then(|bytes| std::str::from_utf8(bytes).ok());
    let slug = text.and_then(crate::topic::slug).map_or(Val::Null, Val::from);
    Box::new(std::iter::once(Ok(slug)))
}

/// About where the stack is.
#[inline(never)]
fn here() -> usize {
    let mark = 0_u8;
    std::ptr::from_ref(&mark).addr()
}

/// A compiled program.
pub(super) struct Program(Filter<Values>);

impl Program {
    pub(super) fn compile(code: &str) -> Result<Program, BadJson> {
        let main = Def { name: MAIN, args: Vec::new(), body: parse(code)? };
        let left_out = |name: &str| LEFT_OUT.contains(&name);
        let library = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let ours = load::parse(OURS, |parser| parser.defs()).unwrap_or_default();
        // Ours stand behind `while`, which they use, and before whoever uses them.
        let library = library.filter(|def| !left_out(def.name)).flat_map(|def| {
            let ours = if def.name == "while" { ours.clone() } else { Vec::new() };
            std::iter::once(def).chain(ours)
        });
        let prelude = library.chain([main]).map(|def| Def { body: metered(rewrite(def.body)), ..def });
        let arena = Arena::default();
        let loaded = Loader::new(prelude).load(&arena, File { code: MAIN, path: () });
        let loaded = loaded.map_err(|_| fault(code, code, "no program".to_owned()))?;
        let natives = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
        let natives = natives.filter(|(name, ..)| !left_out(name));
        let ours: [(&str, jaq_core::RunPtr<Values>); 3] = [(STEP, step), (LOOK, look), ("slug", slug)];
        let ours = ours.map(|(name, run)| native::run::<Values>((name, native::v(0), run)));
        let compiled = Compiler::default().with_funs(natives.chain(ours).chain(weight::funs())).compile(loaded);
        compiled.map(Program).map_err(|errors| {
            let undefined = errors.into_iter().flat_map(|(_, undefined)| undefined).next();
            let Some((name, what)) = undefined else { return fault(code, code, "no program".to_owned()) };
            let arity = match what {
                jaq_core::compile::Undefined::Filter(arity) => format!("/{arity}"),
                _ => String::new(),
            };
            fault(code, name, format!("there is no {} {name}{arity}", what.as_str()))
        })
    }

    /// Runs the program; `take` says whether it wants more.
    pub(super) fn run(&self, input: Val, mut take: impl FnMut(&Val) -> bool) -> Result<(), Halt> {
        let (steps, room) = (Cell::new(MAX_STEPS), Cell::new(weight::MAX_BYTES));
        let run = Run { lut: &self.0.lut, steps: &steps, room: &room, stack: here() };
        for output in self.0.id.run((Ctx::<Values>::new(run.clone(), Vars::new([])), input)) {
            // Whoever takes it writes it out.
            let output = output.and_then(|output| run.write(&output).map(|()| output)).map_err(halt)?;
            if !take(&output) {
                break;
            }
        }
        Ok(())
    }
}

fn halt(thrown: Exn<'_, Val>) -> Halt {
    match thrown.get_halt() {
        Ok(NO_STACK) => Halt::Stopped("the program recurses too deep".to_owned()),
        Ok(NO_ROOM) => Halt::Stopped(format!("the program builds more than {} MiB", weight::MAX_BYTES >> 20)),
        Ok(_) => Halt::Stopped(format!("the program takes more than {MAX_STEPS} steps")),
        Err(thrown) => match thrown.get_err() {
            Ok(error) => {
                // What `error("…")` raises is a text, which jaq shows in quotes.
                let error = error.to_string();
                let error = serde_json::from_str(&error).unwrap_or(error);
                Halt::Error(format!("the program: {}", error.chars().take(300).collect::<String>()))
            }
            Err(_) => Halt::Error("the program breaks out of what is no label".to_owned()),
        },
    }
}

fn parse(code: &str) -> Result<Term<&str>, BadJson> {
    let tokens = Lexer::new(code).lex().map_err(|errors| {
        let (expected, found) = errors.first().map_or(("a program", code), |(expected, at)| (expected.as_str(), at));
        fault(code, found, format!("{expected} is expected"))
    })?;
    Parser::new(&tokens).parse(|parser| parser.term()).map_err(|errors| {
        let (expected, found) = errors.first().map_or(("a program", None), |(expected, at)| (expected.as_str(), *at));
        let found = found.map_or(&code[code.len()..], |token| token.as_str());
        fault(code, found, format!("{expected} is expected"))
    })
}

/// A fault at a part of the code.
fn fault(code: &str, part: &str, detail: String) -> BadJson {
    let at = part.as_ptr().addr().checked_sub(code.as_ptr().addr()).filter(|at| *at <= code.len()).unwrap_or(0);
    let before = &code[..code.floor_char_boundary(at)];
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    BadJson { line: before.matches('\n').count() + 1, column: before.len() - start + 1, detail }
}

/// The term behind a step.
fn metered(term: Term<&str>) -> Term<&str> {
    behind(STEP, term)
}

/// `(gate as $nothing | .), term`: empty, then what the term says, and the same for paths.
fn behind<'a>(gate: &'static str, term: Term<&'a str>) -> Term<&'a str> {
    let gate = Box::new(Term::Call(gate, Vec::new()));
    let empty = Term::BinOp(gate, BinaryOp::Pipe(Some(Pattern::Var(NOTHING))), Box::new(Term::Id));
    Term::BinOp(Box::new(empty), BinaryOp::Comma, Box::new(term))
}

fn piped<'a>(left: Term<&'a str>, right: Term<&'a str>) -> Term<&'a str> {
    Term::BinOp(Box::new(left), BinaryOp::Pipe(None), Box::new(right))
}

/// The same program with its steps counted.
fn rewrite(term: Term<&str>) -> Term<&str> {
    let boxed = |term: Box<Term<_>>| Box::new(rewrite(*term));
    match term {
        Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Var(_) => term,
        Term::Str(format, parts) => {
            let part = |part| match part {
                StrPart::Term(term) => StrPart::Term(piped(rewrite(term), behind(weight::WRITE, Term::Id))),
                other => other,
            };
            Term::Str(format, parts.into_iter().map(part).collect())
        }
        Term::Arr(inner) => Term::Arr(inner.map(|inner| Box::new(piped(rewrite(*inner), metered(Term::Id))))),
        Term::Obj(fields) => {
            Term::Obj(fields.into_iter().map(|(key, value)| (rewrite(key), value.map(rewrite))).collect())
        }
        Term::Neg(inner) => Term::Neg(boxed(inner)),
        Term::BinOp(left, pipe @ BinaryOp::Pipe(_), right) => {
            Term::BinOp(boxed(left), pipe, Box::new(metered(rewrite(*right))))
        }
        Term::BinOp(left, BinaryOp::Math(op), right) => {
            Term::Call(weight::name(op), vec![rewrite(*left), rewrite(*right)])
        }
        // `left += right` is `right as $part | left |= . + $part`.
        Term::BinOp(left, BinaryOp::UpdateMath(op), right) => {
            let sum = Term::Call(weight::name(op), vec![Term::Id, Term::Var(PART)]);
            let update = Term::BinOp(boxed(left), BinaryOp::Update, Box::new(sum));
            Term::BinOp(boxed(right), BinaryOp::Pipe(Some(Pattern::Var(PART))), Box::new(update))
        }
        Term::BinOp(left, op, right) => Term::BinOp(boxed(left), op, boxed(right)),
        Term::Label(label, inner) => Term::Label(label, boxed(inner)),
        Term::Fold(name, over, pattern, turns) => {
            let turns = turns.into_iter().map(|turn| metered(rewrite(turn))).collect();
            Term::Fold(name, boxed(over), pattern, turns)
        }
        Term::TryCatch(tried, caught) => Term::TryCatch(boxed(tried), caught.map(boxed)),
        Term::IfThenElse(cases, otherwise) => {
            let cases = cases.into_iter().map(|(condition, then)| (rewrite(condition), rewrite(then)));
            Term::IfThenElse(cases.collect(), otherwise.map(boxed))
        }
        Term::Def(defs, body) => {
            let defs = defs.into_iter().map(|def| Def { body: metered(rewrite(def.body)), ..def });
            Term::Def(defs.collect(), boxed(body))
        }
        Term::Call(name, arguments) => {
            let looked_at = arguments.into_iter().map(|argument| behind(LOOK, rewrite(argument)));
            let call = Term::Call(name, looked_at.collect());
            match PARTS.iter().find(|(known, _)| *known == name) {
                Some((_, gate)) => behind(gate, call),
                None => call,
            }
        }
        Term::Path(head, Path(parts)) => {
            let part = |part| match part {
                Part::Index(index) => Part::Index(rewrite(index)),
                Part::Range(from, to) => Part::Range(from.map(rewrite), to.map(rewrite)),
            };
            Term::Path(boxed(head), Path(parts.into_iter().map(|(one, opt)| (part(one), opt)).collect()))
        }
    }
}
