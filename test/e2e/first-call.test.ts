import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from '@modelcontextprotocol/client';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { pqFetch } from '../support/clients.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';

const EVERYTHING = 'node_modules/@modelcontextprotocol/server-everything/dist/index.js';

let postern: TestPostern;
before(async () => {
  postern = await startTestPostern({
    servers: {
      everything: {
        stdio: { command: process.execPath, args: [`${process.cwd()}/${EVERYTHING}`] },
      },
    },
  });
});
after(() => postern.stop());

test('R-01 R-14 R-19 a call goes through over ML-KEM and ML-DSA and is recorded', async () => {
  const http = pqFetch(postern);
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(postern.url('everything')), { fetch: http.fetch }),
  );
  const result = await client.callTool({ name: 'echo', arguments: { message: 'hi' } });
  assert.match(JSON.stringify(result.content), /hi/);
  await client.close();
  await http.close();
  const entry = (await postern.record()).find((each) => each.mcp.tool === 'echo');
  assert.equal(entry?.decision.effect, 'allow');
  assert.equal(entry?.client.link['group'], 'X25519MLKEM768');
  assert.equal(entry?.client.link['local_signature'], 'ML-DSA-65');
  assert.equal(entry?.outcome.status, 'ok');
});
