import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { readRecord } from '#store';
import { stringify } from 'yaml';
import { startStatefulHttp } from '../../test/fixtures/stateful-http.ts';
import { ALLOW_ALL } from '../../test/support/postern.ts';
import { openSession, request, send } from '../../test/support/raw.ts';
import { until } from '../../test/support/until.ts';
import { startPostern } from './compose.ts';
import { openSource, settingsOf } from './settings.ts';

const WORKERS = 2;
const NAMES = ['1', '2'];

test('R-05 a worker that dies loses its own calls alone, and is replaced', async (t) => {
  const upstream = await startStatefulHttp();
  t.after(() => upstream.close());
  const directory = await mkdtemp(join(tmpdir(), 'postern-workers-'));
  const threads: Worker[] = [];
  const seen = (thread: Worker): void => void threads.push(thread);
  process.on('worker', seen);
  const config = join(directory, 'postern.yaml');
  await writeFile(join(directory, 'policy.yaml'), stringify(ALLOW_ALL));
  const settings = {
    version: 1,
    workers: WORKERS,
    state_dir: 'state',
    policy: 'policy.yaml',
    listeners: [{ name: 'main', address: '127.0.0.1:0', tls: 'off' }],
    admin: 'off',
    servers: { remote: { http: { url: upstream.url } } },
    log: { level: 'error' },
    limits: { drain_timeout_ms: 500 },
  };
  await writeFile(config, stringify(settings));
  const source = await openSource(config, {});
  const running = await startPostern({
    settings: settingsOf(source),
    fixedPolicy: null,
    source,
    reread: null,
  });
  t.after(async () => {
    process.off('worker', seen);
    await running.stop();
    await rm(directory, { recursive: true, force: true });
  });
  const port = running.listeners[0]?.address.port ?? assert.fail('no port');
  const url = `http://127.0.0.1:${port}/servers/remote/mcp`;
  const wait = request(1, 'tools/call', { name: 'wait', arguments: {} });
  // One call that waits on each of several connections, until both workers have some.
  const sessions = new Map<string, string>();
  await until('each worker has a session', async () => {
    const session = await openSession(fetchOnce, url);
    sessions.set(session['mcp-session-id'].split('.')[0] ?? '', session['mcp-session-id']);
    return sessions.size === WORKERS;
  });
  const journals = upstream.seen.length;
  const waiting = NAMES.map((name) =>
    send(fetchOnce, url, wait, { 'mcp-session-id': sessions.get(name) ?? '' }).then(
      ({ status, message }) => ({ status, message }),
      (error: unknown) => ({ status: 0, message: { error } }),
    ),
  );
  await until('both are under way', () => upstream.seen.length >= journals + WORKERS);
  await threads[0]?.terminate();
  const lost = (await waiting[0]) ?? assert.fail('nothing was waited for');
  assert.notEqual(lost.status, 200, JSON.stringify(lost));
  await until('another one is there', () => threads.length === WORKERS + 1);
  // Sessions of the one that died go on, as after a restart; so do those of the other.
  for (const id of sessions.values()) {
    await until('it is served', async () => {
      const { status } = await send(fetchOnce, url, request(2, 'tools/list'), {
        'mcp-session-id': id,
      }).catch(() => ({ status: 0 }));
      return status === 200;
    });
  }
  await until('the new one serves', async () => {
    const session = await openSession(fetchOnce, url).catch(() => null);
    return session?.['mcp-session-id'].startsWith('1.') === true;
  });
  await running.stop();
  const statuses = (await Promise.all(waiting)).map(({ status }) => status);
  assert.equal(statuses.length, WORKERS);
  const entries = await Array.fromAsync(readRecord(join(directory, 'state', 'record')));
  assert.ok(entries.length > 0);
  await assert.rejects(
    new Promise((resolve, reject) => {
      connect(port, '127.0.0.1').once('connect', resolve).once('error', reject);
    }),
  );
});

/** Over a connection of its own. */
const fetchOnce: typeof fetch = (url, init) => {
  const headers = { ...(init?.headers as Record<string, string>), connection: 'close' };
  return fetch(url, { ...init, headers });
};
