import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { StatelessHttp } from '../fixtures/stateless-http.ts';
import { startStatelessHttp } from '../fixtures/stateless-http.ts';
import { pqFetch } from '../support/clients.ts';
import type { Program } from '../support/node-program.ts';
import { connectV2 } from '../support/peer.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { assertSame, assertWorked, play } from '../support/scenario.ts';
import {
  LEGACY_SCENARIO,
  STATELESS_FAILURES,
  STATELESS_SCENARIO,
} from '../support/stateless-scenario.ts';
import { http, programAt, stdio } from '../support/transports.ts';
import type { PqTls } from './pq-tls.ts';
import { createPqTls } from './pq-tls.ts';

let trusted: PqTls;
let program: Program;
let plain: StatelessHttp;
let tls: StatelessHttp;
let postern: TestPostern;
let toPostern: ReturnType<typeof pqFetch>;

before(async () => {
  trusted = await createPqTls();
  const ca = trusted.caFile;
  program = programAt('test/fixtures/stateless-stdio.ts', join(trusted.directory, 'journal'));
  plain = await startStatelessHttp();
  tls = await startStatelessHttp(await trusted.issue());
  postern = await startTestPostern({
    servers: {
      plain: { http: { url: plain.url } },
      tls: { http: { url: tls.url, tls: { ca } } },
      program: { stdio: program },
    },
  });
  toPostern = pqFetch(postern);
});
after(async () => {
  await toPostern.close();
  await postern.stop();
  await Promise.all([plain.close(), tls.close()]);
  await trusted.close();
});

const servers = [
  ['HTTP', 'plain', () => http(2, plain.url)],
  ['HTTPS with ML-DSA', 'tls', () => http(2, tls.url, trusted.fetch)],
  ['stdio', 'program', () => stdio(2, program)],
] as const;

/** How the client comes to the revision; the last one finds a program that others have used. */
const runs = [
  ...servers.map((server) => [...server, 'negotiates', 'auto'] as const),
  [...servers[2], 'insists on', { pin: '2026-07-28' }] as const,
];

for (const [what, name, directly, how, mode] of runs) {
  test(`R-23 R-01 the client ${how} 2026-07-28, over ${what}: the same through the gateway`, async (t) => {
    const options = { versionNegotiation: { mode } };
    // One after the other, since every subscriber hears of every change.
    const direct = await play(STATELESS_SCENARIO, connectV2(directly(), options));
    const through = http(2, postern.url(name), toPostern.fetch);
    const same = await play(STATELESS_SCENARIO, connectV2(through, options));
    assert.equal(direct['revision'], '2026-07-28');
    assertWorked(direct, STATELESS_FAILURES);
    await assertSame(t, direct, same);
  });
}

for (const [what, name, directly] of servers) {
  test(`R-23 the client keeps a list up to date by itself, over ${what}`, async () => {
    for (const transport of [directly(), http(2, postern.url(name), toPostern.fetch)]) {
      const changed = Promise.withResolvers<readonly string[]>();
      const onChanged = (_error: unknown, tools: readonly { name: string }[] | null): void => {
        changed.resolve((tools ?? []).map((tool) => tool.name));
      };
      const peer = await connectV2(transport, {
        versionNegotiation: { mode: 'auto' },
        listChanged: { tools: { onChanged, debounceMs: 0 } },
      });
      const { tools } = await peer.listTools();
      await peer.call('announce', { uri: 'note://one' });
      assert.deepEqual(
        await changed.promise,
        tools.map((tool) => tool.name),
      );
      await peer.close();
    }
  });

  test(`R-23 a client of 2025-11-25 gets along with a server of both eras, over ${what}`, async (t) => {
    const through = http(2, postern.url(name), toPostern.fetch);
    const direct = await play(LEGACY_SCENARIO, connectV2(directly()));
    const same = await play(LEGACY_SCENARIO, connectV2(through));
    assert.equal(direct['revision'], '2025-11-25');
    assertWorked(direct, STATELESS_FAILURES);
    await assertSame(t, direct, same);
  });
}
