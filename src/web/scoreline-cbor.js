// The messages in CBOR (RFC 8949), in binary frames: a WebSocket that speaks the subprotocol scoreline.v1.cbor.

/** @typedef {any} Any */

const BREAK = Symbol('break');
const texts = new TextDecoder();

/** What one item says, of the kinds that JSON has; a tag is passed over, bytes stay bytes. */
export function decode(/** @type {ArrayBuffer} */ buffer) {
  const view = new DataView(buffer);
  let at = 0;
  const take = (/** @type {number} */ length) => {
    at += length;
    return at - length;
  };
  const argument = (/** @type {number} */ info) => {
    if (info < 24) return info;
    if (info === 24) return view.getUint8(take(1));
    if (info === 25) return view.getUint16(take(2));
    if (info === 26) return view.getUint32(take(4));
    if (info === 27) return Number(view.getBigUint64(take(8)));
    throw new SyntaxError(`CBOR: no length ${info}`);
  };
  /** A count of items, or all up to the break. */
  const each = (/** @type {number} */ info, /** @type {(first: Any) => void} */ put) => {
    if (info !== 31) for (let left = argument(info); left > 0; left--) put(item());
    else for (let next = item(); next !== BREAK; next = item()) put(next);
  };
  const bytes = (/** @type {number} */ info) => {
    const length = argument(info);
    return new Uint8Array(buffer, take(length), length);
  };
  const special = (/** @type {number} */ info) => {
    if (info === 20 || info === 21) return info === 21;
    if (info === 25) return half(view.getUint16(take(2)));
    if (info === 26) return view.getFloat32(take(4));
    if (info === 27) return view.getFloat64(take(8));
    return info === 31 ? BREAK : info === 22 ? null : undefined;
  };
  /** @returns {Any} */
  const item = () => {
    const head = view.getUint8(take(1));
    const [major, info] = [head >> 5, head & 31];
    if (major === 0) return argument(info);
    if (major === 1) return -1 - argument(info);
    if (major === 2 && info !== 31) return bytes(info);
    if (major === 3 && info !== 31) return texts.decode(bytes(info));
    if (major === 6) return argument(info), item();
    if (major === 7) return special(info);
    /** @type {Any[]} */
    const list = [];
    if (major !== 5) {
      each(info, (value) => list.push(value));
      return major === 3 ? list.join('') : list;
    }
    each(info, (key) => list.push([key, item()]));
    return Object.fromEntries(list);
  };
  return item();
}

/** RFC 8949, appendix D. */
function half(/** @type {number} */ bits) {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const size = exponent === 0 ? fraction * 2 ** -24 : exponent === 31 ? (fraction ? NaN : Infinity) : (1024 + fraction) * 2 ** (exponent - 25);
  return bits >> 15 ? -size : size;
}

/** A command in CBOR: JSON's kinds of values. */
export function encode(/** @type {Any} */ value) {
  /** @type {number[]} */
  const out = [];
  const head = (/** @type {number} */ major, /** @type {number} */ length) => {
    const size = length < 24 ? 0 : length < 256 ? 1 : length < 65_536 ? 2 : length < 2 ** 32 ? 4 : 8;
    out.push((major << 5) | (size ? 24 + Math.log2(size) : length));
    for (let byte = size - 1; byte >= 0; byte--) out.push(Math.floor(length / 256 ** byte) % 256);
  };
  const put = (/** @type {Any} */ it) => {
    if (typeof it === 'boolean' || it === null) out.push(it === null ? 0xf6 : it ? 0xf5 : 0xf4);
    else if (Number.isSafeInteger(it)) head(it < 0 ? 1 : 0, it < 0 ? -1 - it : it);
    else if (typeof it === 'number') out.push(0xfb, ...new Uint8Array(new Float64Array([it]).buffer).reverse());
    else if (typeof it === 'string') {
      const text = new TextEncoder().encode(it);
      head(3, text.length);
      out.push(...text);
    } else if (Array.isArray(it)) {
      head(4, it.length);
      it.forEach(put);
    } else {
      const pairs = Object.entries(it);
      head(5, pairs.length);
      pairs.flat().forEach(put);
    }
  };
  put(value);
  return new Uint8Array(out);
}

/** Shaped like a WebSocket; its `data` is the frame as it came. */
export class Link {
  /** @type {Any} */ onopen;
  /** @type {Any} */ onmessage;
  /** @type {Any} */ onclose;

  constructor(/** @type {string} */ url, /** @type {string[]} */ [, ...others]) {
    this.socket = new WebSocket(url, ['scoreline.v1.cbor', ...others]);
    this.socket.binaryType = 'arraybuffer';
    this.socket.onopen = () => this.onopen?.();
    this.socket.onclose = (event) => this.onclose?.(event);
    this.socket.onmessage = ({ data }) => this.onmessage?.({ data, message: decode(data) });
  }

  send(/** @type {string} */ text) { this.socket.send(encode(JSON.parse(text))); }

  close(/** @type {number} */ code, /** @type {string} */ reason) { this.socket.close(code, reason); }
}
