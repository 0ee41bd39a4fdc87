/** Clients on HTTP+SSE and on stdio, against the same servers directly. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { stringify } from 'yaml';
import type { StatefulHttp } from '../fixtures/stateful-http.ts';
import { startStatefulHttp } from '../fixtures/stateful-http.ts';
import type { StatelessHttp } from '../fixtures/stateless-http.ts';
import { startStatelessHttp } from '../fixtures/stateless-http.ts';
import { pqFetch } from '../support/clients.ts';
import { connectV1, connectV2 } from '../support/peer.ts';
import type { TestPostern } from '../support/postern.ts';
import { ALLOW_ALL, startTestPostern } from '../support/postern.ts';
import type { Results } from '../support/scenario.ts';
import { assertSame, assertWorked, play } from '../support/scenario.ts';
import { STATEFUL_FAILURES, STATEFUL_SCENARIO } from '../support/stateful-scenario.ts';
import { STATELESS_FAILURES, STATELESS_SCENARIO } from '../support/stateless-scenario.ts';
import { http, programAt, sse, stdio } from '../support/transports.ts';

const PROGRAM = programAt('test/fixtures/stateful-stdio.ts');
const connects = { 1: connectV1, 2: connectV2 };
const modern = { versionNegotiation: { mode: 'auto' } } as const;

let directory: string;
let server: StatefulHttp;
let modernWeb: StatelessHttp;
let postern: TestPostern;
let link: ReturnType<typeof pqFetch>;
let expected: Readonly<Record<1 | 2, Promise<Results>>>;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postern-fronts-'));
  server = await startStatefulHttp();
  modernWeb = await startStatelessHttp();
  const servers = {
    web: { http: { url: server.url } },
    program: { stdio: PROGRAM },
    modern: { stdio: modernProgram() },
    modernweb: { http: { url: modernWeb.url } },
  };
  await writeFile(join(directory, 'journal'), '');
  await writeFile(join(directory, 'policy.yaml'), stringify(ALLOW_ALL));
  const config = { version: 1, state_dir: 'state', policy: 'policy.yaml', servers };
  await writeFile(join(directory, 'postern.yaml'), stringify(config));
  const listeners = [
    { name: 'main', address: '127.0.0.1:0' },
    { name: 'plain', address: '127.0.0.1:0', tls: 'off' },
  ];
  postern = await startTestPostern({ servers, listeners });
  link = pqFetch(postern);
  expected = {
    1: play(STATEFUL_SCENARIO, connectV1(stdio(1, PROGRAM))),
    2: play(STATEFUL_SCENARIO, connectV2(stdio(2, PROGRAM))),
  };
});
after(async () => {
  await link.close();
  await postern.stop();
  await Promise.all([server.close(), modernWeb.close()]);
  await rm(directory, { recursive: true });
});

function modernProgram() {
  return programAt('test/fixtures/stateless-stdio.ts', join(directory, 'journal'));
}

/** The gateway as a program that clients start. */
function front(name: string) {
  return programAt('bin/postern.js', 'stdio', name, '--config', join(directory, 'postern.yaml'));
}

const cases = [
  [1, 'HTTP+SSE', 'web'],
  [1, 'stdio', 'program'],
  [2, 'HTTP+SSE', 'program'],
  [2, 'stdio', 'web'],
] as const;

for (const [generation, transport, name] of cases) {
  const title = `SDK ${generation}.x over ${transport}, the stateful server "${name}"`;
  test(`R-23 ${title}: the same as directly`, async (t) => {
    const to =
      transport === 'stdio'
        ? stdio(generation, front(name))
        : sse(generation, postern.url(name), link.fetch);
    const through = await play(STATEFUL_SCENARIO, connects[generation](to));
    assertWorked(through, STATEFUL_FAILURES);
    await assertSame(t, await expected[generation], through);
  });
}

test('R-23 SDK 2.x looks for 2026-07-28 over HTTP+SSE, and goes on with what there is', async () => {
  for (const name of ['program', 'modern']) {
    const peer = await connectV2(sse(2, postern.url(name), link.fetch), modern);
    assert.equal(peer.revision(), '2025-11-25');
    const echo = await peer.call('echo', { text: name });
    assert.match(JSON.stringify(echo), new RegExp(name));
    await peer.close();
  }
});

test('R-23 mcp-remote over HTTP+SSE: the same as directly', async (t) => {
  const url = `${postern.listener('plain')}/servers/program/sse`;
  const remote = 'node_modules/mcp-remote/dist/proxy.js';
  const program = programAt(remote, url, '--transport', 'sse-only');
  const env = { MCP_REMOTE_CONFIG_DIR: directory, HOME: directory };
  const through = await play(STATEFUL_SCENARIO, connectV1(stdio(1, { ...program, env })));
  assertWorked(through, STATEFUL_FAILURES);
  await assertSame(t, await expected[1], through);
});

for (const name of ['modern', 'modernweb'] as const) {
  test(`R-23 SDK 2.x over stdio, the stateless server "${name}": the same as directly`, async (t) => {
    const direct = name === 'modern' ? stdio(2, modernProgram()) : http(2, modernWeb.url);
    const [expect, through] = await Promise.all([
      play(STATELESS_SCENARIO, connectV2(direct, modern)),
      play(STATELESS_SCENARIO, connectV2(stdio(2, front(name)), modern)),
    ]);
    assertWorked(expect, STATELESS_FAILURES);
    await assertSame(t, expect, through);
  });
}
