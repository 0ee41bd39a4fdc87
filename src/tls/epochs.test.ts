import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { profileByName } from '#crypto';
import type { GatewayIdentity } from '#identity';
import { ensureIdentity } from '#identity';
import { helloOfNode } from './client-hello/captured-hello.fixture.ts';
import { HelloReader } from './client-hello/reader.ts';
import { Epochs } from './epochs.ts';
import type { ServerTls } from './server-options.ts';
import { ownServerTls } from './server-tls.fixture.ts';

let directory: string;
let identity: GatewayIdentity;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postern-epochs-'));
  const wanted = { trustDomain: 'test.example', names: [], lifetimeMs: 3_600_000 };
  identity = await ensureIdentity(directory, wanted);
});
after(() => rm(directory, { recursive: true }));

const SOURCES = Array.from({ length: 1000 }, (_, index) => `192.0.${index >> 8}.${index & 255}`);

function tlsOf(profile: string): ServerTls {
  const row = profileByName(profile) ?? assert.fail('no profile');
  return ownServerTls(identity, row, 'optional');
}

function epochsWith(onCanaryUnfit = (_reason: string): void => undefined): Epochs {
  return new Epochs(tlsOf('hybrid'), {
    handshakeTimeoutMs: 1000,
    onSecure: () => undefined,
    onFailed: () => undefined,
    onCanaryUnfit,
    salt: randomBytes(16),
  });
}

test('R-05 a canary gets its part of the clients, and each client always the same', () => {
  const epochs = epochsWith();
  const canary = { tls: tlsOf('strict'), percent: 20, sticky: true };
  epochs.use({ stable: tlsOf('hybrid'), canary });
  const chosen = SOURCES.filter((source) => epochs.choose(source) === epochs.canary);
  assert.ok(chosen.length > 120 && chosen.length < 280, `${chosen.length} of 1000`);
  assert.ok(chosen.every((source) => epochs.choose(source) === epochs.canary));
  // Who has it keeps it while its part grows.
  epochs.use({ stable: tlsOf('hybrid'), canary: { ...canary, percent: 60 } });
  assert.ok(chosen.every((source) => epochs.choose(source) === epochs.canary));
});

test('R-05 nobody gets a canary of 0 percent, everybody one of 100', () => {
  const epochs = epochsWith();
  for (const sticky of [true, false]) {
    for (const percent of [0, 100]) {
      const canary = { tls: tlsOf('strict'), percent, sticky };
      epochs.use({ stable: tlsOf('hybrid'), canary });
      const expected = percent === 0 ? epochs.stable : epochs.canary;
      assert.ok(SOURCES.every((source) => epochs.choose(source) === expected));
    }
  }
});

test('R-05 IPv6 clients are told apart by their network', () => {
  const epochs = epochsWith();
  epochs.use({
    stable: tlsOf('hybrid'),
    canary: { tls: tlsOf('strict'), percent: 50, sticky: true },
  });
  const of = (host: number) => epochs.choose(`2001:db8:1:2::${host.toString(16)}`);
  for (let host = 1; host < 50; host += 1) assert.equal(of(host), of(0));
});

test('R-05 what a plan repeats goes on; what it leaves out ends', () => {
  const epochs = epochsWith();
  const first = epochs.stable;
  assert.equal(epochs.use({ stable: tlsOf('hybrid'), canary: null }), false);
  assert.equal(epochs.stable, first);
  epochs.use({
    stable: tlsOf('hybrid'),
    canary: { tls: tlsOf('strict'), percent: 5, sticky: true },
  });
  const canary = epochs.canary;
  assert.equal(epochs.use({ stable: tlsOf('strict'), canary: null }), true);
  assert.equal(epochs.stable, canary);
  assert.notEqual(first.endedAt, null);
  assert.equal(canary?.endedAt, null);
  // An epoch that is over is not taken up again.
  epochs.use({ stable: tlsOf('hybrid'), canary: null });
  assert.notEqual(epochs.stable, first);
  assert.equal(epochs.stable.id, 3);
});

test('R-05 new certificates are a new epoch', () => {
  const epochs = epochsWith();
  const used = (chainEnd: string): boolean => {
    const credentials = identity.credentials.map((each) =>
      Object.assign({}, each, { chainPem: each.chainPem + chainEnd }),
    );
    return epochs.use({ stable: { ...tlsOf('hybrid'), credentials }, canary: null });
  };
  assert.equal(used(''), false);
  assert.equal(used('\n'), true);
});

test('R-05 clients that the canary would refuse are counted without being refused', async () => {
  const epochs = epochsWith(() => assert.fail('it was judged'));
  epochs.use({
    stable: tlsOf('hybrid'),
    canary: { tls: tlsOf('cnsa2'), percent: 0, sticky: true },
  });
  const hello = await complete();
  for (let client = 0; client < 10; client += 1) epochs.judged(epochs.stable, hello, false);
  assert.deepEqual(epochs.trial?.clients, { seen: 10, refused: 10 });
  // Whom the stable epoch refuses too says nothing about the canary.
  epochs.judged(epochs.stable, hello, true);
  assert.deepEqual(epochs.trial?.clients, { seen: 10, refused: 10 });
});

test('R-05 a canary that refuses clients whom the stable epoch takes is found unfit, once', async () => {
  const reasons: string[] = [];
  const epochs = epochsWith((reason) => reasons.push(reason));
  epochs.use({
    stable: tlsOf('hybrid'),
    canary: { tls: tlsOf('cnsa2'), percent: 100, sticky: true },
  });
  const canary = epochs.canary ?? assert.fail('no canary');
  const hello = await complete();
  for (let client = 0; client < 5; client += 1) epochs.judged(canary, hello, true);
  assert.deepEqual(reasons, ["100 % of its handshakes failed, 0 % of the stable epoch's"]);
});

/** A hello with X25519MLKEM768 and ML-DSA, without what CNSA 2.0 asks for. */
async function complete() {
  const bytes = await helloOfNode({ ecdhCurve: 'X25519MLKEM768' });
  const progress = new HelloReader(16_384).push(bytes);
  return progress.kind === 'complete' ? progress.hello : assert.fail(progress.kind);
}
