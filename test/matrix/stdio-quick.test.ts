/** `postern stdio` in front of a server that is elsewhere, without any file. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startLegacySse } from '../fixtures/legacy-sse.ts';
import { startStatefulHttp } from '../fixtures/stateful-http.ts';
import { connectV1, connectV2 } from '../support/peer.ts';
import { programAt, stdio } from '../support/transports.ts';

test('R-23 postern stdio --http and --sse serve a server elsewhere to an unmodified client', async (t) => {
  const state = await mkdtemp(join(tmpdir(), 'postern-quick-'));
  t.after(() => rm(state, { recursive: true }));
  const servers = { http: await startStatefulHttp(), sse: await startLegacySse() };
  t.after(() => Promise.all([servers.http.close(), servers.sse.close()]));
  const program = (kind: 'http' | 'sse') =>
    programAt('bin/postern.js', 'stdio', `--${kind}`, servers[kind].url, '--state', state);
  const peers = [
    await connectV1(stdio(1, program('http'))),
    await connectV2(stdio(2, program('sse'))),
  ];
  for (const peer of peers) {
    const answer = await peer.call('echo', { text: 'over there' });
    assert.match(JSON.stringify(answer), /over there/);
    await peer.close();
  }
});
