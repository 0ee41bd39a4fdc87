import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import type { LegacySse } from '../fixtures/legacy-sse.ts';
import { startLegacySse } from '../fixtures/legacy-sse.ts';
import { pqFetch } from '../support/clients.ts';
import { EVERYTHING_FAILURES, EVERYTHING_SCENARIO } from '../support/everything-scenario.ts';
import { nodeProgram } from '../support/node-program.ts';
import { connectV1, connectV2 } from '../support/peer.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { assertSame, assertWorked, play } from '../support/scenario.ts';
import { STATEFUL_FAILURES, STATEFUL_SCENARIO } from '../support/stateful-scenario.ts';
import { http, sse } from '../support/transports.ts';
import { until } from '../support/until.ts';
import type { PqTls } from './pq-tls.ts';
import { createPqTls } from './pq-tls.ts';

const ROOT = join(import.meta.dirname, '../..');

let trusted: PqTls;
let plain: LegacySse;
let tls: LegacySse;
let deserted: LegacySse;
let everything: { url: string; process: ChildProcess };
let postern: TestPostern;
let toPostern: ReturnType<typeof pqFetch>;

before(async () => {
  trusted = await createPqTls();
  const ca = trusted.caFile;
  plain = await startLegacySse();
  deserted = await startLegacySse();
  tls = await startLegacySse(await trusted.issue());
  everything = await startEverything();
  postern = await startTestPostern({
    servers: {
      plain: { sse: { url: plain.url } },
      deserted: { sse: { url: deserted.url } },
      tls: { sse: { url: tls.url, tls: { ca } } },
      everything: { sse: { url: everything.url } },
      mistaken: { http: { url: plain.url } },
    },
    limits: { session_stream_lost_timeout_ms: 1000, session_idle_timeout_ms: 1000 },
  });
  toPostern = pqFetch(postern);
});
after(async () => {
  await toPostern.close();
  await postern.stop();
  everything.process.kill();
  await Promise.all([plain, tls, deserted].map((server) => server.close()));
  await trusted.close();
});

/** The reference server over its own transport, on a port of the loopback alone. */
async function startEverything(): Promise<typeof everything> {
  const { command, args } = nodeProgram(
    '--import',
    join(ROOT, 'test/fixtures/on-loopback.ts'),
    join(ROOT, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js'),
    'sse',
  );
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const [port] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { url: `http://127.0.0.1:${port}/sse`, process: child };
}

const connects = { 1: connectV1, 2: connectV2 };

const through = (generation: 1 | 2, name: string) =>
  http(generation, postern.url(name), toPostern.fetch);

const servers = [
  ['plain', 1, () => sse(1, plain.url)],
  ['tls', 2, () => sse(2, tls.url, trusted.fetch)],
] as const;

for (const [name, generation, directly] of servers) {
  const title = `the client of SDK ${generation}.x, a ${name} server on HTTP+SSE`;
  test(`R-23 R-14 ${title}: the same through the gateway`, async (t) => {
    const connect = connects[generation];
    const [direct, same] = await Promise.all([
      play(STATEFUL_SCENARIO, connect(directly())),
      play(STATEFUL_SCENARIO, connect(through(generation, name))),
    ]);
    assertWorked(direct, STATEFUL_FAILURES);
    await assertSame(t, direct, same);
  });
}

for (const generation of [1, 2] as const) {
  const title = `the client of SDK ${generation}.x, the reference server on HTTP+SSE`;
  test(`R-23 R-14 ${title}: the same through the gateway`, async (t) => {
    const connect = connects[generation];
    // One after the other: a new resource of one session takes away that of another.
    const direct = await play(EVERYTHING_SCENARIO, connect(sse(generation, everything.url)));
    const same = await play(EVERYTHING_SCENARIO, connect(through(generation, 'everything')));
    assertWorked(direct, EVERYTHING_FAILURES);
    await assertSame(t, direct, same);
  });
}

test('R-23 a client that tries 2026-07-28 first stays with it, over the bridge', async () => {
  const mode = { versionNegotiation: { mode: 'auto' as const } };
  const peer = await connectV2(through(2, 'plain'), mode);
  assert.equal(peer.revision(), '2026-07-28');
  await peer.call('echo', { text: 'hello' });
  await peer.close();
});

test('R-19 R-08 the record has the transport and the link of each call', async () => {
  const peer = await connectV1(through(1, 'tls'));
  await peer.call('echo', { text: 'recorded' });
  await peer.close();
  const calls = (await postern.record()).filter(
    ({ mcp }) => mcp.server === 'tls' && mcp.method === 'tools/call',
  );
  const upstream = calls.at(-1)?.upstream;
  assert.equal(upstream?.kind, 'sse');
  assert.deepEqual(
    [upstream.link?.['group'], upstream.link?.['quantum_safe']],
    ['X25519MLKEM768', true],
  );
});

test('R-23 an http server that is on the older transport says so', async () => {
  await assert.rejects(connectV1(through(1, 'mistaken')), (error: Error) => {
    assert.match(JSON.stringify(error) + error.message, /sse:/);
    return true;
  });
});

test('R-23 sessions end with their clients and with their streams', async () => {
  const vanishing = pqFetch(postern);
  await connectV1(http(1, postern.url('deserted'), vanishing.fetch));
  assert.equal(deserted.streams(), 1);
  await vanishing.close();
  await until('the stream is gone', () => deserted.streams() === 0);
  const cut = await connectV2(through(2, 'deserted'));
  deserted.cut();
  await assert.rejects(cut.call('echo', { text: 'lost' }));
  await cut.close();
  await until('every connection is gone', () => deserted.sockets() === 0);
});
