//! The score out of typed results and running scores, and the goals as incidents.

use std::collections::BTreeMap;

use super::wire::{After, Goal, Match, MatchResult};
use crate::game::{Incident, IncidentStatus, Score};
use crate::provider::read::cut;

/// The newest score that a match says, and what it says besides.
pub(super) struct Standing {
    total: Option<[i64; 2]>,
    half_time: Option<[i64; 2]>,
    /// A result beyond regular time in the provider's words: `nach Elfmeterschießen 4:3`.
    pub(super) beyond: Option<String>,
}

impl Standing {
    /// The result after extra time where there is one, which the end result does not hold; else the end result; else the greater of the half-time result and the last goal's running score,
    /// because either may lag.
    pub(super) fn of(one: &Match) -> Standing {
        let by_type = |after| one.results.iter().filter(|r| r.after() == after).find_map(MatchResult::score);
        let half_time = by_type(After::HalfTime);
        let last_goal = one.goals.iter().filter_map(Goal::running).max_by_key(goals);
        let beyond = one.results.iter().filter(|result| !matches!(result.after(), After::HalfTime | After::End));
        let in_words = |r: &MatchResult| {
            let words = format!("{} {}:{}", r.name.as_ref()?, r.team1?, r.team2?);
            Some(cut(&words).to_owned())
        };
        Standing {
            total: by_type(After::ExtraTime)
                .or_else(|| by_type(After::End))
                .or_else(|| half_time.into_iter().chain(last_goal).max_by_key(goals)),
            half_time,
            // Of several that which came last decided it.
            beyond: beyond.max_by_key(|r| r.after() == After::Penalties).and_then(in_words),
        }
    }

    /// Whether there is any score.
    pub(super) fn is_said(&self) -> bool {
        self.total.is_some()
    }

    /// Team 1 is at index 0.
    pub(super) fn score(&self, team: usize) -> Option<Score> {
        let total = self.total?[team];
        let parts = self.half_time.map(|score| ("1".to_owned(), score[team]));
        Some(Score { total: Some(total), parts: parts.into_iter().collect(), ..Score::default() })
    }
}

fn goals(score: &[i64; 2]) -> i64 {
    score[0].saturating_add(score[1])
}

/// The goals by their ids, in the order of their running scores.
pub(super) fn incidents(one: &Match, standing: &Standing) -> BTreeMap<String, Incident> {
    let mut ordered: Vec<&Goal> = one.goals.iter().collect();
    // Goals without a running score come last, where they part no other two.
    ordered.sort_by_key(|goal| (goal.running().map_or(i64::MAX, |score| goals(&score)), goal.id.clone()));
    let mut before = [0, 0];
    let mut incidents = BTreeMap::new();
    for goal in ordered {
        // A goal without an id cannot be told from another.
        if let Some(id) = goal.id.as_deref().and_then(crate::topic::slug) {
            incidents.insert(format!("g{}", id.chars().take(60).collect::<String>()), incident(goal, before, standing));
        }
        before = goal.running().unwrap_or(before);
    }
    incidents
}

fn incident(goal: &Goal, before: [i64; 2], standing: &Standing) -> Incident {
    let now = goal.running();
    let is_beyond = now.zip(standing.total).is_some_and(|(now, total)| now[0] > total[0] || now[1] > total[1]);
    let detail = match goal {
        Goal { own_goal: true, .. } => Some("own_goal"),
        Goal { penalty: true, .. } => Some("penalty"),
        _ => None,
    };
    Incident {
        order: now.map(|score| goals(&score)),
        kind: Some("goal".to_owned()),
        status: is_beyond.then_some(IncidentStatus::Provisional),
        side: now.and_then(|now| side(before, now)).map(str::to_owned),
        athlete: goal.athlete.clone(),
        minute: goal.minute.and_then(|minute| u32::try_from(minute).ok()),
        detail: detail.map(str::to_owned),
        text: goal.comment.clone(),
        ..Incident::default()
    }
}

/// Whom a goal counts for; nobody can tell where the list has a hole.
fn side(before: [i64; 2], now: [i64; 2]) -> Option<&'static str> {
    match (now[0] - before[0], now[1] - before[1]) {
        (1, 0) => Some("home"),
        (0, 1) => Some("away"),
        _ => None,
    }
}
