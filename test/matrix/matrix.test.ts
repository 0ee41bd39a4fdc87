import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { messageOf } from '#lib';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { MATRIX_CLIENTS, seeDirectly } from './clients.ts';
import { installInspector } from './inspector.ts';
import type { MatrixServer } from './servers.ts';
import { matrixServers } from './servers.ts';

// Every pair of a real client and a real server, over quantum-safe TLS. It takes minutes, so it runs
// with `npm run matrix` alone.

let postern: TestPostern;
let caFile: string;
const { servers, directory, remove } = await matrixServers();
const inspector = await installInspector(directory).catch(messageOf);
const clients = typeof inspector === 'string' ? MATRIX_CLIENTS : [...MATRIX_CLIENTS, inspector];

before(async () => {
  const configured = servers.map(({ name, program }) => [name, { stdio: program }]);
  postern = await startTestPostern({ servers: Object.fromEntries(configured) });
  caFile = join(postern.directory, 'ca.pem');
  await writeFile(caFile, postern.ca);
});
after(async () => {
  await postern.stop();
  await remove();
});

test(
  'R-23 the inspector can be installed',
  { skip: typeof inspector === 'string' && inspector },
  () => assert.ok(clients.length > MATRIX_CLIENTS.length),
);

for (const server of servers) {
  describe(`R-23 R-01 server-${server.name}`, () => {
    for (const client of clients) {
      test(`serves ${client.name}`, async () => {
        const direct = await (client.seeDirectly?.(server) ?? seenDirectly(server));
        const seen = await client.see(server, postern, caFile);
        assert.deepEqual(seen.tools, direct.tools);
        assert.ok(seen.tools.length > 0);
        assert.match(direct.text, server.answers);
        assert.match(seen.text, server.answers);
      });
    }
  });
}

test('R-19 R-01 every call of the matrix is in the record, over a quantum-safe link', async () => {
  const calls = (await postern.record()).filter(({ mcp }) => mcp.method === 'tools/call');
  for (const { name, tool } of servers) {
    const mine = calls.filter(({ mcp }) => mcp.server === name && mcp.tool === tool);
    assert.equal(mine.length, clients.length, name);
    assert.ok(mine.every(({ client }) => client.link['quantum_safe'] === true));
  }
});

const directly = new Map<string, ReturnType<typeof seeDirectly>>();

function seenDirectly(server: MatrixServer): ReturnType<typeof seeDirectly> {
  const seen = directly.get(server.name) ?? seeDirectly(server);
  directly.set(server.name, seen);
  return seen;
}
