/** Spoiled hellos on the open port, in pieces and at once. `POSTERN_SOAK=1` takes the full number. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import type { ConnectionOptions } from 'node:tls';
import { connect as connectTls } from 'node:tls';
import { pqFetch } from '../support/clients.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { until } from '../support/until.ts';
import { descriptorsOf, memoryOf, NO_PROC, pidOf } from './support/processes.ts';
import { tinyServer } from './support/programs.ts';
import { McpSession } from './support/session.ts';

const HELLOS = process.env['POSTERN_SOAK'] === '1' ? 200_000 : 2000;
/** After these the heap has grown to what it needs. */
const WARM_UP = 1000;
const AT_ONCE = 32;
const HANDSHAKE_MS = 1000;
const MIB = 1024 * 1024;
/** Whatever the number of hellos: V8's heap has its waves. */
const GROWTH_BYTES = 96 * MIB;

const ALERT_RECORD = 21;
const HANDSHAKE_RECORD = 22;

test(`R-08 ${HELLOS} spoiled hellos stall and leave nothing`, { skip: NO_PROC }, async (t) => {
  const postern = await startTestPostern({
    servers: { tiny: tinyServer() },
    log: { level: 'error', format: 'json' },
    limits: {
      handshake_timeout_ms: HANDSHAKE_MS,
      max_handshakes_per_source: 100_000,
      max_handshakes_per_second_per_source: 100_000,
    },
  });
  t.after(() => postern.stop());
  const pid = pidOf(postern);
  const hellos = await Promise.all([
    helloOf({ ecdhCurve: 'X25519MLKEM768' }),
    helloOf({ ecdhCurve: 'X25519MLKEM768:X25519', servername: 'a.example', ALPNProtocols: ['h2'] }),
    helloOf({ maxVersion: 'TLSv1.2' }),
  ]);
  await assertServes(postern);
  await sendAll(postern, hellos, WARM_UP);
  const before = { memory: memoryOf(pid), descriptors: descriptorsOf(pid) };

  await Promise.all([sendAll(postern, hellos, HELLOS), servesMeanwhile(postern)]);

  await until('every connection is gone', () => descriptorsOf(pid) <= before.descriptors + 1);
  const grown = memoryOf(pid) - before.memory;
  assert.ok(grown < GROWTH_BYTES, `memory grew by ${grown} bytes`);
  assert.deepEqual(postern.log(), [], 'nothing was an error');
  await assertServes(postern);
});

async function sendAll(
  postern: TestPostern,
  hellos: readonly Buffer[],
  count: number,
): Promise<void> {
  const port = Number(new URL(postern.endpoint).port);
  let left = count;
  const lane = async (): Promise<void> => {
    while ((left -= 1) >= 0) await send(port, spoiled(hellos));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

/** Sends bytes in a few pieces and hangs up; whatever comes back is one alert or a server's flight. */
async function send(port: number, bytes: Buffer): Promise<void> {
  const socket = connectTcp({ host: '127.0.0.1', port, noDelay: true });
  socket.on('error', () => undefined);
  const received: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => received.push(chunk));
  for (const piece of pieces(bytes)) socket.write(piece);
  socket.end();
  await new Promise((resolve) => socket.once('close', resolve));
  const first = Buffer.concat(received)[0];
  const expected = [undefined, ALERT_RECORD, HANDSHAKE_RECORD, 'H'.charCodeAt(0)];
  assert.ok(expected.includes(first), `an answer that begins with ${first}`);
}

function pieces(bytes: Buffer): readonly Buffer[] {
  const cuts = Array.from({ length: below(4) }, () => below(bytes.length)).toSorted(
    (a, b) => a - b,
  );
  return [0, ...cuts].map((cut, index) => bytes.subarray(cut, cuts[index] ?? bytes.length));
}

/** One to four changes to a real hello: bytes flipped, taken out, put in, or cut off. */
function spoiled(hellos: readonly Buffer[]): Buffer {
  let bytes = Buffer.from(hellos[below(hellos.length)] ?? Buffer.alloc(0));
  for (let change = below(4); change >= 0; change -= 1) {
    const at = below(bytes.length);
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
    const changes = [
      () => Buffer.concat([head, Buffer.of(below(256)), tail.subarray(1)]),
      () => Buffer.concat([head, tail.subarray(1 + below(8))]),
      () => Buffer.concat([head, Buffer.alloc(1 + below(8), below(256)), tail]),
      () => Buffer.concat([head, tail, bytes.subarray(below(bytes.length))]),
      () => (at === 0 ? bytes : head),
    ];
    bytes = changes[below(changes.length)]?.() ?? bytes;
    if (bytes.length === 0) return Buffer.of(HANDSHAKE_RECORD);
  }
  return bytes;
}

function below(bound: number): number {
  return Math.floor(Math.random() * bound);
}

async function helloOf(options: ConnectionOptions): Promise<Buffer> {
  const [near, far] = duplexPair();
  const client = connectTls({ socket: near, ...options });
  client.on('error', () => undefined);
  const [hello] = (await once(far, 'data')) as [Buffer];
  client.destroy();
  return hello;
}

/** Opens sessions one after the other while the others are at it. */
async function servesMeanwhile(postern: TestPostern): Promise<void> {
  for (let count = 0; count < 5; count += 1) await assertServes(postern);
}

async function assertServes(postern: TestPostern): Promise<void> {
  const http = pqFetch(postern);
  const session = await McpSession.open(http.fetch, postern.url('tiny'));
  await session.end();
  await http.close();
}
