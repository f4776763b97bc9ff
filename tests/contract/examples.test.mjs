// The example in Go is Go, as gofmt writes it. It is run by hand: its compiler is larger than all that the tests install.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { format } from '@wasm-fmt/gofmt';

test('examples/publish.go is formatted Go', async () => {
  const text = await readFile(new URL('../../examples/publish.go', import.meta.url), 'utf8');
  assert.equal(format(text), text);
  assert.throws(() => format(text.replace('func main() {', 'func main() ')));
});
