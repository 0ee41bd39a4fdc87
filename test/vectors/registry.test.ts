/** Every row of the registry against answers that OpenSSL did not make. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RegistryRow } from '#crypto';
import { allAlgorithms } from '#crypto';
import type { CipherVector } from './check-cipher.ts';
import { checkCipher } from './check-cipher.ts';
import type { GroupVectors } from './check-group.ts';
import { checkGroup } from './check-group.ts';
import type { HashVectors } from './check-hash.ts';
import { checkHash } from './check-hash.ts';
import type { KemVectors } from './check-kem.ts';
import { checkKem } from './check-kem.ts';
import type { SignatureVectors } from './check-signature.ts';
import { checkSignature } from './check-signature.ts';

for (const row of allAlgorithms()) {
  test(`R-02 ${row.kind} ${row.name} gives the known answers`, async () => {
    const vectors: unknown = JSON.parse(
      readFileSync(join(import.meta.dirname, fileOf(row)), 'utf8'),
    );
    assert.ok(String((vectors as { source?: unknown }).source).length > 3, 'no source is named');
    await check(row, vectors);
  });
}

test('R-02 there are no vectors without a row', () => {
  const files = globSync('*/*.json', { cwd: import.meta.dirname });
  assert.ok(files.length > 0);
  assert.deepEqual(files.toSorted(), allAlgorithms().map(fileOf).toSorted());
});

function fileOf({ kind, name }: RegistryRow): string {
  return join(kind, `${name}.json`);
}

/** Each check fails when a vector lacks what it needs. */
async function check(row: RegistryRow, vectors: unknown): Promise<void> {
  switch (row.kind) {
    case 'kem':
      return checkKem(row, vectors as KemVectors);
    case 'group':
      return await checkGroup(row, vectors as GroupVectors);
    case 'signature':
      return await checkSignature(row, vectors as SignatureVectors);
    case 'cipher':
      return await checkCipher(row, vectors as CipherVector);
    case 'hash':
      return checkHash(row, vectors as HashVectors);
  }
}
