//! The ticker on a terminal: games, scores that flash, incidents, how fresh it is.

use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Paragraph, Row, Table};
use ratatui::{DefaultTerminal, Frame};
use serde_json::Value;
use tokio::sync::mpsc;

use super::ticker::Ticker;
use super::{Heard, now, words};
use crate::cli::Failure;
use crate::cli::client::Told;

/// How long a score that changed stands out, in ms.
const FLASH: i64 = 4_000;
/// Between two pictures.
const TICK: Duration = Duration::from_millis(100);

/// What is shown beside the games.
struct View {
    url: String,
    /// Why there is no connection now.
    lost: Option<String>,
    scroll: usize,
    colours: bool,
}

/// Gives the terminal back, however this ends.
struct Restored;

impl Drop for Restored {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// Shows it until a key ends it.
pub(super) async fn show(told: Heard, url: &str) -> Result<(), Failure> {
    let mut terminal = ratatui::try_init().map_err(|error| failed(&error))?;
    let _restored = Restored;
    let colours = std::env::var_os("NO_COLOR").is_none_or(|said| said.is_empty());
    let view = View { url: url.trim_end_matches('/').to_owned(), lost: None, scroll: 0, colours };
    run(&mut terminal, told, view).await
}

async fn run(terminal: &mut DefaultTerminal, mut told: Heard, mut view: View) -> Result<(), Failure> {
    let mut ticker = Ticker::default();
    let mut keys = keys();
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            told = told.recv() => match told {
                None => return Ok(()),
                Some(told) => match told? {
                    Told::Message(message) => {
                        ticker.hear(&message, now())?;
                        view.lost = None;
                    }
                    Told::Lost(why) => {
                        view.lost = Some(why);
                        ticker.reconnects += 1;
                    }
                },
            },
            key = keys.recv() => match key {
                None | Some(KeyCode::Char('q') | KeyCode::Esc) => return Ok(()),
                Some(key) => view.scroll = scrolled(view.scroll, key),
            },
            _ = tick.tick() => {
                terminal.draw(|frame| draw(frame, &ticker, &mut view, now())).map_err(|error| failed(&error))?;
            }
        }
    }
}

/// The keys that are pressed; a thread of its own, because a terminal is read blocking. It ends with its reader.
fn keys() -> mpsc::Receiver<KeyCode> {
    let (sender, keys) = mpsc::channel(16);
    std::thread::spawn(move || {
        while !sender.is_closed() {
            let pressed = match event::poll(Duration::from_millis(200)) {
                Ok(true) => event::read(),
                Ok(false) => continue,
                Err(_) => return,
            };
            let Ok(Event::Key(key)) = pressed else { continue };
            let interrupt = key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c');
            let code = if interrupt { KeyCode::Esc } else { key.code };
            if key.kind != KeyEventKind::Release && sender.blocking_send(code).is_err() {
                return;
            }
        }
    });
    keys
}

fn scrolled(from: usize, key: KeyCode) -> usize {
    match key {
        KeyCode::Down | KeyCode::Char('j') => from + 1,
        KeyCode::Up | KeyCode::Char('k') => from.saturating_sub(1),
        KeyCode::PageDown => from + 10,
        KeyCode::PageUp => from.saturating_sub(10),
        KeyCode::Home => 0,
        _ => from,
    }
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::Failed(format!("the terminal: {error}"))
}

fn draw(frame: &mut Frame<'_>, ticker: &Ticker, view: &mut View, now: i64) {
    let told = u16::try_from(ticker.incidents.len().min(6)).unwrap_or(0);
    let below = if told == 0 { 0 } else { told + 1 };
    let [head, games, incidents, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(1), Constraint::Length(below), Constraint::Length(1)])
            .areas(frame.area());
    frame.render_widget(head_line(ticker, view), head);
    let rows = rows(ticker, view, now);
    view.scroll = view.scroll.min(rows.len().saturating_sub(usize::from(games.height)));
    let shown = rows.into_iter().skip(view.scroll);
    let widths = [Constraint::Length(13), Constraint::Fill(3), Constraint::Fill(2)];
    frame.render_widget(Table::new(shown, widths).column_spacing(2), games);
    let lines: Vec<Line<'_>> = ticker.incidents.iter().take(6).map(|said| Line::raw(said.as_str())).collect();
    let block = Block::new().borders(Borders::TOP).title("latest");
    frame.render_widget(Paragraph::new(lines).block(block), incidents);
    frame.render_widget(foot_line(ticker, now), foot);
}

fn head_line<'a>(ticker: &Ticker, view: &View) -> Paragraph<'a> {
    let (said, colour) = match &view.lost {
        Some(why) => (format!("reconnecting: {why}"), Color::Red),
        None if ticker.behind => ("the service has lost its log: this may be old".to_owned(), Color::Yellow),
        None if !ticker.loaded => ("loading".to_owned(), Color::Yellow),
        None => ("live".to_owned(), Color::Green),
    };
    let head = Line::raw(format!("scoreline  {}  {said}", view.url));
    Paragraph::new(head).style(coloured(view, colour).add_modifier(Modifier::BOLD))
}

fn foot_line<'a>(ticker: &Ticker, now: i64) -> Paragraph<'a> {
    let fresh = ticker
        .changed
        .map_or("no change yet".to_owned(), |at| format!("last change {} s ago", (now - at).max(0) / 1_000));
    let feeds: Vec<String> = ticker.feeds.iter().map(|(feed, status)| format!("  {feed} is {status}")).collect();
    let counts = format!("{} changes, {} reconnects", ticker.changes, ticker.reconnects);
    Paragraph::new(format!("{fresh}  {counts}{}  q quits, arrows scroll", feeds.concat()))
        .style(Style::new().add_modifier(Modifier::DIM))
}

/// A game a row, with a heading above each competition.
fn rows<'a>(ticker: &Ticker, view: &View, now: i64) -> Vec<Row<'a>> {
    let (mut rows, mut heading) = (Vec::new(), String::new());
    for (topic, game) in ticker.games() {
        let own = competition(topic.as_str(), game);
        if own != heading {
            rows.push(
                Row::new([String::new(), own.clone()]).style(coloured(view, Color::Cyan).add_modifier(Modifier::BOLD)),
            );
            heading = own;
        }
        let last = words::newest(game).map_or(String::new(), |(_, incident)| words::incident(incident));
        let scored = ticker.scored.get(topic).is_some_and(|at| now - at < FLASH);
        let live = game.get("status").and_then(Value::as_str) == Some("live");
        let style = match (scored, live) {
            // It flashes: twice a second the other way round.
            (true, _) if now / 250 % 2 == 0 => coloured(view, Color::Yellow).add_modifier(Modifier::REVERSED),
            (true, _) => coloured(view, Color::Yellow).add_modifier(Modifier::BOLD),
            (false, true) => Style::new(),
            (false, false) => Style::new().add_modifier(Modifier::DIM),
        };
        rows.push(Row::new([words::standing(game, now), words::score(game), last]).style(style));
    }
    rows
}

fn competition(topic: &str, game: &feeds::Document) -> String {
    let said = game.get("competition").and_then(|competition| competition.get("name")).and_then(Value::as_str);
    said.map_or_else(|| topic.rsplit_once('/').map_or(topic, |(above, _)| above).to_owned(), str::to_owned)
}

fn coloured(view: &View, colour: Color) -> Style {
    if view.colours { Style::new().fg(colour) } else { Style::new() }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use serde_json::json;

    use super::*;

    fn view(lost: Option<&str>) -> View {
        View { url: "http://a.example".to_owned(), lost: lost.map(str::to_owned), scroll: 99, colours: true }
    }

    fn picture(ticker: &Ticker, mut view: View, now: i64) -> (String, ratatui::buffer::Buffer) {
        let mut terminal = Terminal::new(TestBackend::new(70, 10)).unwrap();
        terminal.draw(|frame| draw(frame, ticker, &mut view, now)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        (terminal.backend().to_string(), buffer)
    }

    #[test]
    fn a_goal_flashes_and_is_told() {
        let mut ticker = Ticker::default();
        let sides = |home: u32| json!({"home": {"name": "Arsenal", "score": {"total": home}}, "away": {"name": "Chelsea", "score": {"total": 0}}});
        for (now, message) in [
            (0, json!({"type": "subscribed", "id": 0, "resumed": false})),
            (
                0,
                json!({"type": "state", "game": "soccer/eng.1/a", "version": 1, "state":
                {"status": "live", "competition": {"name": "Premier League"}, "competitors": sides(0)}}),
            ),
            (0, json!({"type": "position", "id": 0, "position": "k.1"})),
            (
                9_000,
                json!({"type": "update", "game": "soccer/eng.1/a", "base": 1, "version": 2, "at": 0, "patch":
                {"competitors": sides(1), "incidents": {"g": {"type": "goal", "athlete": "Saka", "order": 1}}}}),
            ),
            (9_000, json!({"type": "feed", "feed": "espn", "status": "stale"})),
        ] {
            ticker.hear(&message.to_string(), now).unwrap();
        }
        let (text, buffer) = picture(&ticker, view(None), 10_000);
        for said in [
            "http://a.example  live",
            "Premier League",
            "Arsenal 1–0 Chelsea",
            "latest",
            "goal Saka",
            "last change 1 s ago",
            "espn is stale",
        ] {
            assert!(text.contains(said), "{said:?} is not in\n{text}");
        }
        let reversed = |buffer: &ratatui::buffer::Buffer| {
            buffer.content().iter().any(|cell| cell.modifier.contains(Modifier::REVERSED))
        };
        assert!(reversed(&buffer));
        assert!(!reversed(&picture(&ticker, view(None), 20_000).1), "it stops");
        assert!(picture(&ticker, view(Some("gone")), 20_000).0.contains("reconnecting: gone"));
        let plain = View { colours: false, ..view(None) };
        assert!(picture(&ticker, plain, 10_000).1.content().iter().all(|cell| cell.fg == Color::Reset), "NO_COLOR");
    }
}
