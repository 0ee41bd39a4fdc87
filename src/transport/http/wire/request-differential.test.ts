/**
 * The parser beside Node.js's own (llhttp), on spoiled requests: each that it takes the other takes too,
 * at the same place, and both make the same of it. `POSTERN_SOAK=1` takes the full number.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomNumbers } from '../../../../test/support/random.ts';
import { nodeReader, readRequests, spoiledRequests } from './spoiled-requests.fixture.ts';

const REQUESTS = 2000;
const SOAK_REQUESTS = 1_000_000;
const COUNT = process.env['POSTERN_SOAK'] === '1' ? SOAK_REQUESTS : REQUESTS;

test('R-14 takes no request that Node.js reads differently', { timeout: 7_200_000 }, async (t) => {
  const next = spoiledRequests(randomNumbers(Date.now()));
  const node = nodeReader();
  const counts = { requests: 0, refused: 0 };
  for (let count = 0; count < COUNT; count += 1) {
    const text = next();
    // Node.js loses what follows a request for an upgrade that nobody grants.
    const { readings, taken } = readRequests(text, true);
    counts.refused += taken < text.length ? 1 : 0;
    counts.requests += readings.length;
    if (readings.length === 0) continue;
    // Of what follows Node.js may say that it is wrong before it has said all of what came before.
    assert.deepEqual(readings, await node(text.slice(0, taken)), JSON.stringify(text));
  }
  t.diagnostic(JSON.stringify(counts));
  assert.ok(counts.requests > COUNT / 10 && counts.refused > COUNT / 10);
});
