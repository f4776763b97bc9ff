// Server-Sent Events, read by fetch: heartbeats and comments are seen too, and feed the client's watchdog.

import { HttpLink } from './scoreline-http.js';

export class Link extends HttpLink {
  /** @override */
  async open(/** @type {URLSearchParams} */ query, /** @type {AbortSignal} */ signal) {
    const response = await fetch(this.at('sse', query), { signal, cache: 'no-store', headers: { accept: 'text/event-stream' } });
    if (response.status !== 200 || !response.body) return response.status;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const { done, value = '' } = await reader.read();
      if (done || signal.aborted) return 0;
      const events = `${rest}${value}`.split(/\r?\n\r?\n/);
      rest = events.pop() ?? '';
      for (const event of events) this.#event(event, signal);
    }
  }

  #event(/** @type {string} */ text, /** @type {AbortSignal} */ signal) {
    if (signal.aborted) return;
    const field = (/** @type {string} */ name) => text.split(/\r?\n/).filter((line) => line.startsWith(`${name}:`))
      .map((line) => line.slice(name.length + 1).replace(/^ /, '')).join('\n');
    const [data, position] = [field('data'), field('id')];
    if (data) this.hear(JSON.parse(data), data);
    else this.hear(position ? { type: 'heartbeat', position } : {});
  }
}
