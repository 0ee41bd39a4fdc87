/** Single messages of many megabytes over stdio, through the gateway and without it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryOf, NO_PROC, pidOf } from '../hostile/support/processes.ts';
import { pqFetch } from '../support/clients.ts';
import type { Peer } from '../support/peer.ts';
import { connectV2 } from '../support/peer.ts';
import { startTestPostern } from '../support/postern.ts';
import { http, programAt, stdio } from '../support/transports.ts';

const BYTES = 9_000_000;
const TIMES = 5;
const SERVER = programAt('test/fixtures/stateful-stdio.ts');

const SHAPES: Readonly<Record<string, (peer: Peer) => Promise<unknown>>> = {
  // "ü" has two bytes.
  'an answer of 9 MB on one line': (peer) => peer.call('big', { bytes: BYTES }),
  'a call of 9 MB on one line, and back': (peer) => peer.call('echo', { text: 'x'.repeat(BYTES) }),
};

test('R-25 messages of 9 MB', { skip: NO_PROC, timeout: 600_000 }, async (t) => {
  const postern = await startTestPostern({
    servers: { large: { stdio: SERVER } },
    limits: { max_request_bytes: 16 * 1024 * 1024 },
    log: { level: 'warn', format: 'json' },
  });
  t.after(() => postern.stop());
  const link = pqFetch(postern);
  t.after(() => link.close());
  const through = await connectV2(http(2, postern.url('large'), link.fetch));
  const direct = await connectV2(stdio(2, SERVER));
  for (const [name, call] of Object.entries(SHAPES)) {
    // Once each before it counts; then by turns, so that both meet the same machine.
    const same = [await call(direct), await call(through)];
    assert.deepEqual(same[1], same[0]);
    const times = { direct: [] as number[], through: [] as number[] };
    for (let turn = 0; turn < TIMES; turn += 1) {
      times.direct.push(await timeOf(() => call(direct)));
      times.through.push(await timeOf(() => call(through)));
    }
    const [alone, gateway] = [median(times.direct), median(times.through)];
    t.diagnostic(`${name}: ${alone} ms with the SDK alone, ${gateway} ms through the gateway`);
  }
  t.diagnostic(`resident at the end: ${Math.round(memoryOf(pidOf(postern)) / 1024 / 1024)} MiB`);
  await through.close();
  await direct.close();
});

async function timeOf(call: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await call();
  return performance.now() - startedAt;
}

function median(times: readonly number[]): number {
  return Math.round(times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0);
}
