/** Two hundred servers with five thousand tools behind one endpoint, and one server with as many. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startManyServers } from '../fixtures/many-servers.ts';
import { memoryOf, NO_PROC, pidOf } from '../hostile/support/processes.ts';
import { pqFetch } from '../support/clients.ts';
import { startTestPostern } from '../support/postern.ts';
import { openSession, request, send } from '../support/raw.ts';

const SERVERS = 200;
const TOOLS_EACH = 25;
const TIMES = 20;

test('R-23 R-25 200 servers, 5,000 tools', { skip: NO_PROC, timeout: 300_000 }, async (t) => {
  const named = (count: number, name: string): string[] =>
    Array.from({ length: count }, (_, index) => `${name}-${index}`);
  const tools = named(TOOLS_EACH, 'tool');
  const large = { tools: named(SERVERS * TOOLS_EACH, 'tool') };
  const scripts = Object.fromEntries(named(SERVERS, 's').map((name) => [name, { tools }]));
  const many = await startManyServers({ ...scripts, large });
  t.after(() => many.close());
  const entries = Object.keys(scripts).map((name) => [name, { http: { url: many.url(name) } }]);
  const postern = await startTestPostern({
    servers: {
      ...Object.fromEntries(entries),
      large: { http: { url: many.url('large') }, federated: false },
    },
    audit: { mode: 'async' },
    log: { level: 'warn', format: 'json' },
  });
  t.after(() => postern.stop());
  const link = pqFetch(postern);
  t.after(() => link.close());
  for (const [what, url, called] of [
    ['all of them through /mcp', `${postern.endpoint}/mcp`, 's-123__tool-7'],
    ['one of them by itself', postern.url('s-123'), 'tool-7'],
    ['one server with 5,000 tools', postern.url('large'), 'tool-4321'],
  ] as const) {
    const openedAt = performance.now();
    const session = await openSession(link.fetch, url);
    const list = () => send(link.fetch, url, request(1, 'tools/list'), session);
    const call = () => send(link.fetch, url, request(2, 'tools/call', { name: called }), session);
    const { message } = await list();
    const first = Math.round(performance.now() - openedAt);
    const { tools: listed = [] } = (message?.['result'] ?? {}) as { tools?: readonly unknown[] };
    const { length } = listed;
    assert.ok(length === SERVERS * TOOLS_EACH || length === TOOLS_EACH);
    assert.equal((await call()).status, 200);
    const [lists, calls] = [await medianOf(list), await medianOf(call)];
    t.diagnostic(
      `${what}: ${length} tools, first list ${first} ms, later lists ${lists} ms, a call ${calls} ms`,
    );
    await send(link.fetch, url, null, session, 'DELETE');
  }
  assert.deepEqual([...many.sessions], []);
  t.diagnostic(`resident at the end: ${Math.round(memoryOf(pidOf(postern)) / 1024 / 1024)} MiB`);
});

async function medianOf(run: () => Promise<unknown>): Promise<string> {
  const times: number[] = [];
  for (let index = 0; index < TIMES; index += 1) {
    const startedAt = performance.now();
    await run();
    times.push(performance.now() - startedAt);
  }
  return (times.toSorted((a, b) => a - b)[TIMES / 2] ?? 0).toFixed(1);
}
