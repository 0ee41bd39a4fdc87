/**
 * Real and malformed hellos from files, the same in every run, and what comes of each: here, and in
 * OpenSSL. `POSTERN_SOAK=1` takes more mutations of them.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { TlsOptions } from 'node:tls';
import type { Profile } from '#crypto';
import { allGroups, profileByName } from '#crypto';
import type { GatewayIdentity } from '#identity';
import { ensureIdentity } from '#identity';
import { LIMITS } from '#lib';
import { createAuthority } from '../../test/support/certificates.ts';
import { inRecords, payloadOf } from './client-hello.fixture.ts';
import { Mutator } from './client-hello/mutate.fixture.ts';
import type { HelloProgress } from './client-hello/reader.ts';
import { HelloReader } from './client-hello/reader.ts';
import type { Outcome } from './hello-corpus.fixture.ts';
import { readCorpus, readOutcomes } from './hello-corpus.fixture.ts';
import { ja4 } from './ja4.ts';
import { refusalOfHello } from './judge-hello.ts';
import type { OpensslVerdict } from './openssl-verdict.fixture.ts';
import { opensslVerdict } from './openssl-verdict.fixture.ts';
import { serverTlsOptions } from './server-options.ts';
import { ownServerTls } from './server-tls.fixture.ts';

const MUTATIONS = process.env['POSTERN_SOAK'] === '1' ? 20_000 : 500;
const SEED = 20_261_123;
const RECORD_SIZES = [1, 3, 64, 1200];

/** Where the reader is stricter than OpenSSL, and why. OpenSSL answers these. */
const OURS_ALONE: Readonly<Record<string, string>> = {
  'an extension is sent twice': 'RFC 8446 §4.2; OpenSSL looks at those it knows only',
  'the host name has bytes that are no visible ASCII': 'RFC 6066 §3, and it goes into logs',
  'the host name is empty': 'RFC 6066 §3 wants a byte at least',
  'a record has a length that is not allowed': 'RFC 8446 §5.1 forbids empty ones',
  'cipher_suites is too long': 'bounded',
  'there are too many extensions': 'bounded',
  'supported_groups is too long': 'bounded',
  'signature_algorithms is too long': 'bounded',
  'signature_algorithms_cert is too long': 'bounded',
  'alpn has too many names': 'bounded',
};

const PROFILES = ['hybrid', 'transition'].map((name) => profileByName(name) ?? assert.fail(name));
const corpus = readCorpus();
const expected = readOutcomes();

let directory: string;
let identity: GatewayIdentity;
/** Every group and all of OpenSSL's defaults: it refuses what is malformed and little else. */
let permissive: TlsOptions;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postern-corpus-'));
  identity = await ensureIdentity(directory, {
    trustDomain: 'test.example',
    names: [],
    lifetimeMs: 3_600_000,
  });
  const { certPem, keyPem } = await (await createAuthority('P-256')).issue({ kind: 'P-256' });
  permissive = {
    key: keyPem,
    cert: certPem,
    ecdhCurve: allGroups()
      .map(({ opensslName }) => opensslName)
      .join(':'),
  };
});
after(() => rm(directory, { recursive: true }));

test('R-08 every hello of the corpus has its outcome', async () => {
  assert.ok(corpus.size > 100);
  const outcomes: Record<string, Outcome> = {};
  for (const [name, bytes] of corpus) outcomes[name] = await outcomeOf(bytes);
  assert.deepEqual(outcomes, expected);
});

test('R-08 every hello reads the same in one piece, in bytes and in other records', () => {
  for (const [name, bytes] of corpus) {
    const whole = read([bytes]);
    assert.deepEqual(read(Array.from(bytes, (byte) => Buffer.of(byte))), whole, name);
    if (!isInWholeRecords(bytes)) continue;
    const message = payloadOf(bytes);
    for (const size of RECORD_SIZES) {
      assert.deepEqual(read([inRecords(message, size)]), whole, `${name} in records of ${size}`);
    }
  }
});

test('R-08 what is refused here OpenSSL refuses too, but for reasons that are known', () => {
  for (const [name, { reading, openssl }] of Object.entries(expected)) {
    assertAgree(name, reading, openssl as OpensslVerdict);
  }
  const answered = Object.values(expected).filter(({ openssl }) => openssl === 'answers');
  const readings = new Set(answered.map(({ reading }) => reading));
  for (const reason of Object.keys(OURS_ALONE)) assert.ok(readings.has(reason), reason);
});

test('R-08 whatever a profile refuses by the hello, OpenSSL would not have answered', async () => {
  let refused = 0;
  for (const profile of PROFILES) {
    const options = serverTlsOptions(ownServerTls(identity, profile));
    for (const [name, { judged }] of Object.entries(expected)) {
      if (typeof judged?.[profile.name] !== 'string') continue;
      const verdict = await opensslVerdict(corpus.get(name) ?? Buffer.alloc(0), options);
      assert.notEqual(verdict, 'answers', `${name} under ${profile.name}`);
      refused += 1;
    }
  }
  assert.ok(refused > 20, `${refused} were refused`);
});

test(`R-08 OpenSSL and the reader agree on ${MUTATIONS} spoiled hellos`, async () => {
  const mutator = new Mutator(realHellos(), SEED);
  for (let count = 0; count < MUTATIONS; count += 1) {
    const bytes = mutator.next();
    assertAgree(
      bytes.toString('hex'),
      readingOf(read([bytes])),
      await opensslVerdict(bytes, permissive),
    );
  }
});

test('R-08 there is a hello for every reason that spoiled hellos are refused for', () => {
  const known = new Set(Object.values(expected).map(({ reading }) => reading));
  const mutator = new Mutator(realHellos(), SEED);
  for (let count = 0; count < 10 * MUTATIONS; count += 1) {
    const progress = read([mutator.next()]);
    if (progress.kind === 'unreadable') assert.ok(known.has(progress.reason), progress.reason);
  }
});

function assertAgree(what: string, reading: string, openssl: OpensslVerdict): void {
  if (reading === 'more') assert.equal(openssl, 'waits', what);
  if (isJa4(reading) || OURS_ALONE[reading] !== undefined) return;
  assert.notEqual(openssl, 'answers', `${what}: ${reading}`);
}

async function outcomeOf(bytes: Buffer): Promise<Outcome> {
  const progress = read([bytes]);
  const reading = readingOf(progress);
  const openssl = await opensslVerdict(bytes, permissive);
  if (progress.kind !== 'complete') return { reading, openssl };
  const judge = (profile: Profile) => refusalOfHello(progress.hello, profile)?.kind ?? null;
  const judged = Object.fromEntries(PROFILES.map((profile) => [profile.name, judge(profile)]));
  return { reading, judged, openssl };
}

function read(chunks: readonly Buffer[]): HelloProgress {
  const reader = new HelloReader(LIMITS.maxHelloBytes.default);
  let progress: HelloProgress = { kind: 'more' };
  for (const chunk of chunks) progress = reader.push(chunk);
  return progress;
}

function readingOf(progress: HelloProgress): string {
  if (progress.kind === 'complete') return ja4(progress.hello);
  return progress.kind === 'unreadable' ? progress.reason : progress.kind;
}

function isJa4(reading: string): boolean {
  return /^t\w{9}_/.test(reading);
}

/** In handshake records alone, so that their payload can be put into others. */
function isInWholeRecords(bytes: Buffer): boolean {
  let at = 0;
  while (at + 5 < bytes.length && bytes.readUInt16BE(at) === 0x1603) {
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0) return false;
    at += 5 + length;
  }
  return at === bytes.length;
}

function realHellos(): readonly Buffer[] {
  return [...corpus].filter(([name]) => name.startsWith('real/')).map(([, bytes]) => bytes);
}
