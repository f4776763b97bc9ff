// Long polling: the last way in, through whatever lets a plain GET pass.

import { HEARTBEAT, HttpLink } from './scoreline-http.js';

/** Seconds that the server holds an answer back; shorter than the heartbeat's patience. */
const WAIT = 20;

export class Link extends HttpLink {
  /** @override */
  async open(/** @type {URLSearchParams} */ query, /** @type {AbortSignal} */ signal) {
    if (query.get('mode') === 'every') return 0; // not to be had by polling: as good as not reached
    query.set('wait', '0'); // the first answer also says that there is a server
    let begun = false;
    for (;;) {
      const response = await fetch(this.at('poll', query), { signal });
      if (response.status !== 200) return response.status;
      const text = await response.text();
      if (signal.aborted) return 0;
      const { position, messages, more } = JSON.parse(text);
      this.hear({ type: 'hello', heartbeat: HEARTBEAT }, text);
      for (const message of messages) {
        // The pieces of a load repeat `subscribed`.
        if (message.type === 'subscribed' && begun && !this.isLoaded) continue;
        begun ||= message.type === 'subscribed';
        this.#take(message);
      }
      if (!more) this.#mark(position);
      query.set('since', position);
      query.set('wait', `${WAIT}`);
    }
  }

  #take(/** @type {any} */ message) {
    // Of an answer after the first, a reset is one of the whole connection.
    if (this.isLoaded && message.type === 'reset') this.#reset = true;
    this.hear(this.isLoaded && message.type === 'reset' ? { type: 'reset', reason: message.reason } : message);
  }

  #reset = false;

  #mark(/** @type {string} */ position) {
    const type = !this.isLoaded || this.#reset ? 'position' : 'heartbeat';
    this.#reset = false;
    this.hear({ type, position });
  }
}
