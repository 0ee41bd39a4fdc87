import assert from 'node:assert/strict';
import { diffieHellman } from 'node:crypto';
import type { Group } from '#crypto';
import { cipherByName } from '#crypto';
import { unhex } from './bytes.ts';
import { classicalPrivateKey, classicalPublicKey } from './key-share.ts';
import { handshakeSecrets, offerOf } from './handshake.ts';
import { codePoints, EXTENSION } from './hello.ts';

export interface GroupVectors {
  readonly clientShareBytes: number;
  readonly serverShareBytes: number;
  /** The parts in the order in which shares and secrets are concatenated. */
  readonly order: readonly string[];
  /** For classical groups, in hexadecimal. */
  readonly exchange?: {
    readonly privateKey: string;
    readonly peerPublicKey: string;
    readonly sharedSecret: string;
  };
}

/**
 * A handshake whose client this test plays itself: only with shares and secrets put together in the
 * right order do both sides come to the same keys.
 */
export async function checkGroup(group: Group, vectors: GroupVectors): Promise<void> {
  const parts = [group.classical, group.kem?.name].filter((part) => typeof part === 'string');
  assert.deepEqual(vectors.order.toSorted(), parts.toSorted());
  assert.equal(vectors.exchange === undefined, group.kem !== null, 'a part without known answer');
  if (vectors.exchange !== undefined) checkExchange(group, vectors.exchange);

  const suite = cipherByName('TLS_AES_128_GCM_SHA256') ?? assert.fail('no cipher suite');
  const handshake = await handshakeSecrets(group, vectors.order, suite);
  assert.equal(handshake.clientShareBytes, vectors.clientShareBytes);
  assert.equal(handshake.serverShareBytes, vectors.serverShareBytes);
  assert.equal(handshake.ours, handshake.openssls);
  const offer = await offerOf({ ecdhCurve: group.opensslName });
  assert.deepEqual(codePoints(offer.get(EXTENSION.supportedGroups)), [group.ianaId]);
}

function checkExchange({ name }: Group, known: NonNullable<GroupVectors['exchange']>): void {
  const shared = diffieHellman({
    privateKey: classicalPrivateKey(name, unhex(known.privateKey)),
    publicKey: classicalPublicKey(name, unhex(known.peerPublicKey)),
  });
  assert.equal(shared.toString('hex'), known.sharedSecret);
}
