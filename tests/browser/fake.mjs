// A WebSocket that a test speaks through: what the client sent, and what the server would say.

export class FakeSocket {
  /** Every socket the client opened, oldest first. */
  static all = [];

  constructor(url, protocols) {
    Object.assign(this, { url: new URL(url), protocols, sent: [], open: false, closed: undefined });
    FakeSocket.all.push(this);
  }

  static get last() {
    return FakeSocket.all.at(-1);
  }

  // What the client does.

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close(code, reason) {
    if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)) throw new Error(`a browser refuses close(${code})`);
    this.closed ??= { code, reason };
  }

  // What the test does.

  accept({ heartbeat = 15, time_ms = Date.now(), hello = true } = {}) {
    this.open = true;
    this.onopen();
    if (hello) this.say({ type: 'hello', session: '1', gateway: 'gw', heartbeat, time_ms });
    return this;
  }

  say(...messages) {
    for (const message of messages) this.onmessage({ data: JSON.stringify(message) });
  }

  end(code = 1006, reason = '') {
    this.closed = { code, reason };
    this.onclose?.({ code, reason });
  }

  /** The commands of one type sent so far. */
  commands(type) {
    return this.sent.filter((command) => command.type === type);
  }

  /** Answers a subscribe as the server does: subscribed, the states, its end mark. */
  load(command, position, states = {}, { resumed = false, reset } = {}) {
    const { id, topics, detail } = command;
    if (reset) this.say({ type: 'reset', id, reason: reset });
    this.say({ type: 'subscribed', id, topics, detail, delay: 0, max_rate: 0, mode: 'latest', resumed, games: 1 });
    for (const [game, [version, state]] of Object.entries(states)) this.say({ type: 'state', game, version, state });
    if (position) this.say({ type: 'position', id, position });
  }
}
