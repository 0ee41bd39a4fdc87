import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PeerCertificate } from '#crypto';
import { principalOf } from './principal.ts';
import { failure } from './test-support.ts';

const REJECTED = failure('POSTERN_IDENTITY_REJECTED');

test('R-13 a client certificate names its principal', () => {
  const spiffeId = 'spiffe://example.org/client/build-agent.7';
  assert.deepEqual(principalOf(peer(spiffeId), 'example.org'), {
    name: 'build-agent.7',
    spiffeId,
    kind: 'certificate',
  });
});

test('a peer without a certificate is anonymous', () => {
  assert.deepEqual(principalOf(null, 'example.org'), {
    name: 'anonymous',
    spiffeId: null,
    kind: 'anonymous',
  });
});

test('R-13 a certificate that names no client of this domain is refused with 403', () => {
  const ids = [
    null,
    'spiffe://example.org',
    'spiffe://example.org/gateway',
    'spiffe://example.org/client',
    'spiffe://example.org/client/a/b',
    'spiffe://example.org/client/anonymous',
    'spiffe://example.org/client/gateway',
    'spiffe://example.org/client/Upper',
    'spiffe://example.org/client/-a',
    'spiffe://example.org/server/a',
    'spiffe://example.org/client/../client/a',
    'spiffe://other.org/client/a',
    'spiffe://example.org.other.org/client/a',
    'https://example.org/client/a',
  ];
  for (const id of ids) {
    assert.throws(() => principalOf(peer(id), 'example.org'), { ...REJECTED, httpStatus: 403 });
  }
});

function peer(spiffeId: string | null): PeerCertificate {
  return {
    subject: 'O=Postern',
    spiffeId,
    serialNumber: '0A',
    fingerprint256: 'AA:BB',
    certificateSignature: 'ML-DSA-65',
    notAfterMs: 0,
  };
}
