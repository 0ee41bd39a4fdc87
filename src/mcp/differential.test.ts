/**
 * The reader beside JSON.parse and the official SDKs, on the texts of test/fuzz/json and spoiled
 * copies of them. `POSTERN_SOAK=1` takes the full number.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseJSONRPCMessage as parseOfClient } from '@modelcontextprotocol/client';
import { JSONRPCMessageSchema } from '@modelcontextprotocol/sdk/types.js';
import { parseJSONRPCMessage as parseOfServer } from '@modelcontextprotocol/server';
import fc from 'fast-check';
import {
  LIMITS,
  parsed,
  readCorpus,
  readOutcomes,
  reasonsAgainst,
} from './differential.fixture.ts';
import type { Frame } from './frame.ts';
import { metaEntryOf, metaOf, paramOf, readFrame, resultEntryOf } from './frame.ts';
import { scanObject } from './json/scan.ts';
import { Outline } from './json/outline.ts';
import { Mutator } from './mutate.fixture.ts';
import { META_PROTOCOL_VERSION } from './shapes.ts';

const SOAK = process.env['POSTERN_SOAK'] === '1';
const MUTATIONS = SOAK ? 3_000_000 : 10_000;
const soakTimeout = SOAK ? { timeout: 3_600_000 } : {};
const PER_SEED = 200;
const NOTHING_KNOWN = new Outline({});
/** With it a text is read where it stands, like every large one. */
const SPACES = Buffer.alloc(65_600, ' ');
const LARGE = { ...LIMITS, maxBytes: 2 * SPACES.length };

const corpus = readCorpus();

test('R-17 every text of the corpus is read or refused as it should be', () => {
  const outcomes = Object.fromEntries([...corpus].map(([name, bytes]) => [name, outcomeOf(bytes)]));
  assert.deepEqual(outcomes, readOutcomes());
});

test(
  'R-17 takes of spoiled texts what JSON.parse takes, but for listed reasons',
  soakTimeout,
  (t) => {
    const counts = mutate((bytes) => {
      const value = parsed(bytes);
      const code = codeOf(() => scanObject(bytes, LIMITS, NOTHING_KNOWN));
      if (value === undefined) {
        assert.notEqual(code, null, 'JSON.parse refuses it');
        return 'both refuse';
      }
      const reasons = reasonsAgainst(bytes, value);
      if (code !== null)
        assert.ok(reasons.includes(code), `${code} is not among ${reasons.join()}`);
      // A string may be long, only a key may not.
      else assert.ok(reasons.every((reason) => reason === 'POSTERN_FRAME_TOKEN_TOO_LONG'));
      return code ?? 'both take';
    });
    t.diagnostic(JSON.stringify(counts));
    for (const kind of ['both take', 'both refuse', 'POSTERN_FRAME_AMBIGUOUS']) {
      assert.ok((counts[kind] ?? 0) > MUTATIONS / 100, kind);
    }
  },
);

test('R-17 reads messages as JSON.parse and the SDKs do', soakTimeout, (t) => {
  const counts = mutate((bytes) => {
    let frame: Frame;
    try {
      frame = readFrame(bytes, LIMITS);
    } catch (error) {
      assert.match((error as { code?: string }).code ?? String(error), /^POSTERN_FRAME_/);
      return 'refused';
    }
    assertSameParts(frame, parsed(bytes));
    return assertSameInSdks(frame, parsed(bytes)) ? `${frame.kind}, SDKs too` : frame.kind;
  });
  t.diagnostic(JSON.stringify(counts));
  for (const kind of ['request', 'notification', 'response']) {
    assert.ok((counts[`${kind}, SDKs too`] ?? 0) > MUTATIONS / 1000, kind);
  }
});

test('R-17 reads in a large text what it reads in a small one', soakTimeout, (t) => {
  const counts = mutate((bytes) => {
    const large = Buffer.concat([SPACES, bytes]);
    const code = codeOf(() => readFrame(large, LARGE));
    assert.equal(
      code,
      codeOf(() => readFrame(bytes, LIMITS)),
    );
    if (code === null) assertSameParts(readFrame(large, LARGE), parsed(bytes));
    return code ?? 'taken';
  }, MUTATIONS / 10);
  t.diagnostic(JSON.stringify(counts));
  assert.ok((counts['taken'] ?? 0) > MUTATIONS / 1000);
});

/** Counts what comes of spoiled texts. */
function mutate(judge: (bytes: Buffer) => string, mutations = MUTATIONS): Record<string, number> {
  const texts = [...corpus].flatMap(([name, bytes]) => {
    const isTaken = !readOutcomes()[name]?.startsWith('POSTERN');
    return isTaken ? [bytes, bytes, bytes, bytes] : [bytes];
  });
  const counts: Record<string, number> = {};
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const mutator = new Mutator(texts, seed);
      for (let count = 0; count < PER_SEED; count += 1) {
        const bytes = mutator.next();
        const answer = judged(judge, bytes);
        counts[answer] = (counts[answer] ?? 0) + 1;
      }
    }),
    { numRuns: mutations / PER_SEED, endOnFailure: true },
  );
  return counts;
}

function judged(judge: (bytes: Buffer) => string, bytes: Buffer): string {
  try {
    return judge(bytes);
  } catch (cause) {
    throw new Error(`with ${JSON.stringify(bytes.toString('latin1'))}`, { cause });
  }
}

function outcomeOf(bytes: Buffer): string {
  let kind = '';
  return codeOf(() => (kind = readFrame(bytes, LIMITS).kind)) ?? kind;
}

function codeOf(read: () => unknown): string | null {
  try {
    read();
    return null;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

/** What the reader finds without building a message is what stands in it once it is built. */
function assertSameParts(frame: Frame, value: unknown): void {
  const { id, method, params, result, error } = value as Record<string, unknown>;
  if (frame.kind === 'response') {
    assert.deepEqual(frame.id, id ?? null);
    const whole = (result ?? {}) as Record<string, unknown>;
    for (const key of ['isError', 'tools', 'other']) {
      assert.deepEqual(resultEntryOf(frame, key), whole[key]);
    }
    if ('result' in frame.outcome) assert.deepEqual(frame.outcome.result, result);
    else assert.equal(frame.outcome.error.code, (error as { code: number }).code);
    return;
  }
  assert.deepEqual([frame.kind === 'request' ? frame.id : undefined, frame.method], [id, method]);
  const whole = (params ?? {}) as Record<string, unknown>;
  for (const key of ['name', 'uri', 'ref', '_meta', 'notifications', 'arguments', 'other']) {
    assert.deepEqual(paramOf(frame, key), whole[key]);
  }
  for (const key of [META_PROTOCOL_VERSION, 'progressToken', 'other']) {
    assert.deepEqual(metaEntryOf(frame, key), metaOf(whole)[key]);
  }
  assert.deepEqual(frame.params, whole);
}

/** Whether the SDKs take the message; when they do, they see the same in it. */
function assertSameInSdks(frame: Frame, value: unknown): boolean {
  const readings: readonly (() => Record<string, unknown>)[] = [
    () => JSONRPCMessageSchema.parse(value),
    () => parseOfClient(value),
    () => parseOfServer(value),
  ];
  const taken = readings.flatMap((read) => {
    try {
      return [read()];
    } catch {
      return [];
    }
  });
  for (const message of taken) {
    const { id, method, params } = message;
    const kind = method === undefined ? 'response' : id === undefined ? 'notification' : 'request';
    assert.equal(frame.kind, kind);
    if (frame.kind === 'response') {
      assert.equal(frame.id, id ?? null);
      assert.equal('error' in frame.outcome, 'error' in message);
    } else {
      const { name, uri } = (params ?? {}) as Record<string, unknown>;
      assert.deepEqual(
        [method, name, uri],
        [frame.method, paramOf(frame, 'name'), paramOf(frame, 'uri')],
      );
      if (frame.kind === 'request') assert.equal(frame.id, id);
    }
  }
  return taken.length === readings.length;
}
