# A harbour league's own format: one document of matches, as its website shows them.

def states: {planned: "scheduled", running: "live", pause: "break", done: "final"};

# Goals are null before the start and a text after it; what is no number is no score.
def side: {kind: "team", name: .club, team: (.club | slug)} + (.goals | try {score: {total: tonumber}} catch {});

.league as $league
| .matches[]
| if .no == null then error("a match of \(.home.club) without a number") end
| {
    game: "soccer/\($league.id)/\(.no)",
    event_at: (.changed | fromdate * 1000),
    image: ({
      competition: {name: $league.name, round: "Matchday \(.matchday)"},
      start: .kickoff,
      status: (states[.state] // "unknown"),
      competitors: {home: (.home | side), away: (.away | side)},
      incidents: ([.goals[]? | {key: "g\(.id)", value: {type: "goal", side, athlete: .by, minute}}] | from_entries)
    }
    # A word that nobody knows is kept.
    + if states[.state] then {} else {status_reason: .state} end)
  }
