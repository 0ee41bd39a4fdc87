/** docs/compatibility.md says what comes of each kind of client, and it is so. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { CLIENTS } from '../compatibility/clients.ts';
import { GATEWAYS, outcomeOf, startWith } from '../compatibility/matrix.ts';

const PAGE = join(import.meta.dirname, '../../docs/compatibility.md');

/** The cells of the page's table, by client and profile. */
async function documented(): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
  const lines = (await readFile(PAGE, 'utf8')).split('\n').filter((line) => line.startsWith('|'));
  const rows = lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  const [head = [], , ...body] = rows;
  return new Map(
    body.map(([client = '', ...cells]) => [
      client,
      new Map(cells.map((cell, index) => [head[index + 1]?.replaceAll('`', '') ?? '', cell])),
    ]),
  );
}

for (const profiles of GATEWAYS) {
  test(`R-04 R-08 every kind of client under ${profiles.join(', ')}`, async (t) => {
    const expected = await documented();
    const postern = await startWith(profiles);
    t.after(() => postern.stop());
    for (const client of CLIENTS) {
      await t.test(client.name, { skip: client.missing ?? false }, async (t2) => {
        for (const profile of profiles) {
          const outcome = await outcomeOf(t2, postern, profile, client);
          assert.equal(
            outcome,
            expected.get(client.name)?.get(profile),
            `${profile}, as documented`,
          );
        }
      });
    }
  });
}
