/** A game's document: section 3 of the protocol. Never changed in place, so it may be compared and kept. */
export type Game = Record<string, any>;

export interface Change {
  /** The game's topic, `soccer/eng.1/ars-che`. */
  topic: string;
  game: Game;
  version: number;
  /** What it replaces; undefined for a game that is new here. */
  before?: Game;
  /** The merge patch (RFC 7396) that leads from `before` to `game`; the whole document for a new game. */
  changed: Game;
  /** The document's `correction`, when this change set it: something shown earlier was taken back. */
  correction?: Game;
  /** Caught up with after an absence, not seen as it happened. */
  resumed: boolean;
}

export interface Options {
  /** A subscriber token, or where to get one; that is asked again when the server refuses the one it gave. */
  token?: string | (() => string | Promise<string>);
  /** `full` (default), or `score`: without incidents, situation and info. */
  detail?: 'full' | 'score';
  /** Spoiler delay, seconds, 0–300. */
  delay?: number;
  /** Flushes per second; 0 = no cap. */
  maxRate?: number;
  mode?: 'latest' | 'every';
  /**
   * The ways in, tried in turn until one brings the server's `hello`; default: `['ws', 'sse', 'poll']`. Once a WebSocket
   * has, no other is tried. `cbor`: a WebSocket with CBOR for JSON; its decoder is loaded when it is asked for. Long polling
   * has no mode `every`. A class with the shape of WebSocket is a way in of its own.
   */
  transport?: Way | Way[];
  /** One connection for all tabs of an origin that ask the same; default: true where the browser can. */
  share?: boolean;
}

export type Way = 'ws' | 'cbor' | 'sse' | 'poll' | (new (url: string, protocols: string[], options: Options) => any);

/** Whether a topic covers a game; `team/…` only with its document, without one it may. */
export function covers(topic: string, game: string, document?: Game): boolean;

export interface Subscription extends AsyncIterable<Change> {
  unsubscribe(): void;
}

/**
 * Holds the newest document of every game under the topics it is subscribed to, over every reconnect.
 *
 * Events, each a CustomEvent: `update` (detail: Change, also for a new game), `removed` ({topic, game}), `loaded` (a
 * subscribe's games are all here: {topics, detail}), `state` ({state, code?, reason?}), `feed` (the message), `error` (a
 * refused command, with its `topics`; or what a token's function threw), `message` (a frame as it came: text, of `cbor` an ArrayBuffer).
 */
export class Scoreline extends EventTarget {
  /** @param url the server; default: where this module came from */
  constructor(url?: string | URL, options?: Options);
  readonly games: Map<string, Game>;
  readonly versions: Map<string, number>;
  /** `stale`: what is held may be old, a connection is being sought; `closed`: for good. */
  readonly state: 'connecting' | 'live' | 'stale' | 'closed';
  /** Gaps found in what the server sent, each mended by loading afresh; a healthy server makes none. */
  readonly gaps: number;
  /** How the server is reached: the way that last brought a `hello`; `share`: through the tab that holds the connection. */
  readonly transport: '' | 'share' | Way;
  /** Spoiler delay, seconds; may be set at any time. */
  delay: number;
  /** Changes these for the connection that is there and those to come. */
  tune(options: Pick<Options, 'delay' | 'maxRate' | 'mode'>): void;
  /**
   * Games held already are told at once. Without a callback iterate the subscription; an iteration that is slower than
   * the changes gets the newest of each game.
   */
  subscribe(
    topic: string,
    callback?: (game: Game, change: Change) => void,
    options?: { signal?: AbortSignal; detail?: 'full' | 'score' },
  ): Subscription;
  /** The game clock's reading now, ms, by the server's time and as of the delay; NaN where the game has no clock. */
  clockNow(game: Game, now?: number): number;
  close(code?: number, reason?: string): void;
}
