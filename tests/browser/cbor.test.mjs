// CBOR as it is read and written; with the built program it speaks in client.test.mjs.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decode, encode } from '../../src/web/scoreline-cbor.js';

const read = (hex) => decode(Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16)).buffer);
const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

// RFC 8949, appendix A.
const EXAMPLES = [
  ['00', 0], ['17', 23], ['1818', 24], ['1903e8', 1000], ['1a000f4240', 1_000_000], ['1b000000e8d4a51000', 1_000_000_000_000],
  ['20', -1], ['3863', -100], ['3903e7', -1000], ['fb3ff199999999999a', 1.1], ['fbc010666666666666', -4.1],
  ['f4', false], ['f5', true], ['f6', null], ['60', ''], ['6161', 'a'], ['62c3bc', 'ü'], ['63e6b0b4', '水'], ['64f0908591', '\u{10151}'],
  ['80', []], ['83010203', [1, 2, 3]], ['8301820203820405', [1, [2, 3], [4, 5]]], ['a0', {}], ['a26161016162820203', { a: 1, b: [2, 3] }],
  ['98190102030405060708090a0b0c0d0e0f101112131415161718181819', Array.from({ length: 25 }, (_, n) => n + 1)],
];
const READ_ONLY = [
  ['f90000', 0], ['f93c00', 1], ['f93e00', 1.5], ['f97bff', 65504], ['f90001', 5.960464477539063e-8], ['f90400', 0.00006103515625], ['f9c400', -4],
  ['f97c00', Infinity], ['f97e00', NaN], ['f9fc00', -Infinity], ['fa47c35000', 100000], ['fb7e37e43c8800759c', 1e300], ['f7', undefined],
  ['c074323031332d30332d32315432303a30343a30305a', '2013-03-21T20:04:00Z'], ['7f657374726561646d696e67ff', 'streaming'], ['9fff', []],
  ['9f018202039f0405ffff', [1, [2, 3], [4, 5]]], ['bf61610161629f0203ffff', { a: 1, b: [2, 3] }], ['826161bf61626163ff', ['a', { b: 'c' }]],
];

test('the examples of RFC 8949 are read, and written the shortest way', () => {
  for (const [bytes, value] of [...EXAMPLES, ...READ_ONLY]) assert.deepEqual(read(bytes), value, bytes);
  for (const [bytes, value] of EXAMPLES) assert.equal(hex(encode(value)), bytes);
  assert.throws(() => read('1903'), RangeError, 'cut off');
  assert.throws(() => read('1c'), SyntaxError);
  assert.equal(Object.getPrototypeOf(read('a1695f5f70726f746f5f5fa0')), Object.prototype, 'a key is no command');
});
