// Publishes a kick-off and a goal from Node (18 or newer), without packages. SCORELINE_URL and SCORELINE_KEY say where, and as whom.

const { SCORELINE_URL: url = 'http://127.0.0.1:8080', SCORELINE_KEY: key = 'demo' } = process.env;
const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

/** Posts one report, gives its result; tries again where that helps, which its id makes safe. */
async function publish(report, tries = 6) {
  for (let attempt = 0; attempt < tries; attempt++) {
    let wait = Math.random() * Math.min(20, 0.5 * 2 ** attempt);
    try {
      const response = await fetch(`${url}/v1/updates`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify(report),
        signal: AbortSignal.timeout(10_000),
      });
      const answer = await response.json();
      if (response.ok) return answer;
      if (![408, 429, 500, 502, 503, 504].includes(response.status)) {
        const { code, detail, pointer = '' } = answer;
        throw Object.assign(new Error(`${response.status} ${code}: ${detail} ${pointer}`), { final: true });
      }
      wait = Math.max(wait, Number(response.headers.get('retry-after') ?? 0));
    } catch (error) {
      if (error.final) throw error; // anything else: no answer means unknown, so the same id again
    }
    await pause(wait);
  }
  throw new Error('the service cannot be reached');
}

const game = process.argv[2] ?? 'soccer/example/node';
const run = Date.now(); // ids are this run's own
console.log(await publish({
  game,
  id: `${run}-kick-off`,
  patch: {
    status: 'live',
    clock: { mode: 'up', running: true, ms: 0 },
    competitors: { home: { name: 'Arsenal', score: { total: 0 } }, away: { name: 'Chelsea', score: { total: 0 } } },
  },
}));
console.log(await publish({
  game,
  id: `${run}-goal-1`,
  event_at: Date.now(),
  patch: {
    competitors: { home: { score: { total: 1 } } },
    incidents: { 'goal-1': { type: 'goal', status: 'confirmed', side: 'home', athlete: 'Saka', minute: 12, order: 1 } },
  },
}));
