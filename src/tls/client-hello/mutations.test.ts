/** Spoiled hellos of real clients. `POSTERN_SOAK=1` takes the full number. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { ja4 } from '../ja4.ts';
import { helloOfNode } from './captured-hello.fixture.ts';
import type { ClientHello } from './hello.ts';
import { Mutator } from './mutate.fixture.ts';
import type { HelloProgress } from './reader.ts';
import { HelloReader } from './reader.ts';

const SOAK = process.env['POSTERN_SOAK'] === '1';
const MUTATIONS = SOAK ? 1_000_000 : 20_000;
const soakTimeout = SOAK ? { timeout: 600_000 } : {};
const MUTATIONS_PER_SEED = 200;
const MAX_BYTES = 65_536;
/** About fifty times of what one takes on a slow machine. */
const MAX_US_PER_MUTATION = 1000;

let corpus: readonly Buffer[];
before(async () => {
  corpus = await Promise.all([
    helloOfNode({ servername: 'agent.example', ALPNProtocols: ['h2', 'http/1.1'] }),
    helloOfNode({ ecdhCurve: 'P-256', ciphers: 'TLS_AES_256_GCM_SHA384' }),
    helloOfNode({ maxVersion: 'TLSv1.2' }),
    helloOfNode({ pskCallback: () => ({ psk: Buffer.alloc(32, 1), identity: 'agent' }) }),
  ]);
});

test('R-08 spoiled hellos never throw and cost no more than sound ones', soakTimeout, (t) => {
  const answers: Record<HelloProgress['kind'], number> = {
    more: 0,
    not_tls: 0,
    unreadable: 0,
    complete: 0,
  };
  let readingMs = 0;
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const mutator = new Mutator(corpus, seed);
      for (let count = 0; count < MUTATIONS_PER_SEED; count += 1) {
        const bytes = mutator.next();
        const start = performance.now();
        const progress = new HelloReader(MAX_BYTES).push(bytes);
        readingMs += performance.now() - start;
        answers[progress.kind] += 1;
        if (progress.kind === 'complete') assertSound(progress.hello);
        if (mutator.below(16) === 0) assertSameInChunks(bytes, 1 + mutator.below(64), progress);
      }
    }),
    { numRuns: MUTATIONS / MUTATIONS_PER_SEED, endOnFailure: true },
  );
  const each = (1000 * readingMs) / MUTATIONS;
  t.diagnostic(`${JSON.stringify(answers)}, ${each.toFixed(1)} us to read one`);
  assert.ok(each < MAX_US_PER_MUTATION, `${each} us to read one`);
  // Where an answer is rare, the mutations do not reach what gives it.
  for (const [kind, count] of Object.entries(answers)) assert.ok(count > MUTATIONS / 1000, kind);
});

function assertSameInChunks(bytes: Buffer, size: number, expected: HelloProgress): void {
  const reader = new HelloReader(MAX_BYTES);
  let progress: HelloProgress = { kind: 'more' };
  for (let at = 0; at < bytes.length; at += size) {
    progress = reader.push(bytes.subarray(at, at + size));
  }
  assert.deepEqual(progress, expected);
}

function assertSound(hello: ClientHello): void {
  const lists = [
    hello.supportedVersions,
    hello.cipherSuites,
    hello.supportedGroups,
    hello.keyShareGroups,
    hello.signatureAlgorithms,
    hello.certificateSignatureAlgorithms ?? [],
    hello.extensions,
  ];
  for (const list of lists) {
    assert.ok(list.length <= 512);
    assert.ok(list.every((value) => Number.isInteger(value) && value >= 0 && value <= 0xffff));
  }
  assert.ok(hello.sessionIdLength <= 32 && hello.alpn.length <= 64);
  assert.match(hello.serverName ?? 'none', /^[\x21-\x7e]{1,255}$/);
  assert.match(ja4(hello), /^t[\dsd]\d[di]\d{4}[\dA-Za-z]{2}_[\da-f]{12}_[\da-f]{12}$/);
}
