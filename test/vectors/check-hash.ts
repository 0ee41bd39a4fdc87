import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import type { RegistryRow } from '#crypto';

type Hash = Extract<RegistryRow, { kind: 'hash' }>;

export interface HashVectors {
  readonly digests: readonly { readonly message: string; readonly digest: string }[];
}

export function checkHash({ nodeName, digestBytes }: Hash, { digests }: HashVectors): void {
  assert.ok(digests.length > 0);
  for (const { message, digest } of digests) {
    assert.equal(hash(nodeName, message, 'hex'), digest, message);
    assert.equal(digest.length, 2 * digestBytes);
  }
}
