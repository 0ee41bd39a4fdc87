import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '#lib';
import type { RequestFrame, ResponseFrame } from '#mcp';
import { accessesOf, jsonLimitsOf, readFrame } from '#mcp';
import type { Policy } from '#policy';
import { readPolicy } from '#policy';
import type { Permitted } from './authorize.ts';
import type { Delivery } from './deliver.ts';
import { bringsEarlierAnswers, inspectEarlier } from './earlier-answers.ts';
import { EarlierRequests } from './earlier-requests.ts';
import type { Session } from './session-tokens.ts';

const session = { token: 'mine' } as Session;
const other = { token: 'other' } as Session;

const SUBJECT = {
  principal: { name: 'alice', spiffeId: null, kind: 'certificate' },
  server: 'files',
  clientLink: { kind: 'plain', loopback: true },
} as const;

function frameOf(message: object): unknown {
  const limits = jsonLimitsOf(DEFAULT_LIMITS, DEFAULT_LIMITS.maxRequestBytes);
  return readFrame(Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message })), limits);
}

const answer = (id: number | string, result: object = {}): ResponseFrame =>
  frameOf({ id, result }) as ResponseFrame;

function note(requests: EarlierRequests, of: Session, message: object): void {
  const frame = frameOf(message) as RequestFrame;
  const subject = { ...SUBJECT, accesses: accessesOf(frame) };
  requests.note(of, frame, { subject } as unknown as Permitted);
}

const toolCall = (id: number | string, name: string): object => ({
  id,
  method: 'tools/call',
  params: { name },
});

function policyOf(...rules: readonly object[]): Policy {
  const reading = readPolicy(JSON.stringify({ rules }), 'policy.yaml');
  assert.ok(reading.ok);
  return reading.policy;
}

const ALL = { id: 'all', effect: 'allow', principals: ['*'] };
const WITHOUT_READ = policyOf(ALL, {
  id: 'no',
  effect: 'deny',
  principals: ['*'],
  tools: ['read'],
});

/** What goes out of an answer, with how it is recorded. */
async function sent(
  frame: ResponseFrame,
  policy: Policy,
  requests = new EarlierRequests(),
): Promise<{ readonly bytes: Buffer; readonly code: unknown; readonly recorded: unknown }> {
  let recorded: unknown;
  const journal = {
    replayed: (_frame: ResponseFrame, refusal?: { status: string }) => {
      recorded = refusal?.status ?? 'ok';
      return Promise.resolve();
    },
  };
  const delivery = {
    permit: { subject: SUBJECT, call: { id: 'call' } },
    place: { session, resumed: null },
    journal,
    policyNow: () => policy,
    earlierRequests: requests,
  };
  const bytes = await inspectEarlier(delivery as unknown as Delivery, frame);
  const message = JSON.parse(String(bytes)) as { error?: { data: { code: unknown } } };
  return { bytes, code: message.error?.data.code, recorded };
}

test('R-16 R-18 an earlier answer goes out when its request is permitted by now', async () => {
  const requests = new EarlierRequests();
  note(requests, session, toolCall(1, 'read'));
  note(requests, session, toolCall('1', 'write'));
  const [read, write] = [answer(1), answer('1')];
  assert.equal((await sent(read, policyOf(ALL), requests)).bytes, read.bytes);
  assert.equal((await sent(write, WITHOUT_READ, requests)).bytes, write.bytes);
  const { code, recorded, bytes } = await sent(read, WITHOUT_READ, requests);
  assert.deepEqual([code, recorded], ['POSTERN_ACCESS_DENIED', 'denied']);
  assert.equal((JSON.parse(String(bytes)) as { id: unknown }).id, 1);
});

test('R-18 an answer to an unknown request goes only to those who may have everything', async () => {
  const requests = new EarlierRequests();
  note(requests, other, toolCall(1, 'write'));
  const frame = answer(1);
  assert.equal((await sent(frame, policyOf(ALL), requests)).bytes, frame.bytes);
  const some = policyOf({ ...ALL, tools: ['write'] });
  for (const policy of [WITHOUT_READ, some, policyOf()]) {
    const { code, recorded } = await sent(frame, policy, requests);
    assert.deepEqual([code, recorded], ['POSTERN_ANSWER_UNKNOWN', 'failed']);
  }
});

test('R-18 lists in earlier answers lack what policy hides by now', async () => {
  const requests = new EarlierRequests();
  note(requests, session, { id: 1, method: 'tools/list' });
  const frame = answer(1, { tools: [{ name: 'read' }, { name: 'write' }] });
  const { bytes, recorded } = await sent(frame, WITHOUT_READ, requests);
  const { result } = JSON.parse(String(bytes)) as { result: unknown };
  assert.deepEqual([result, recorded], [{ tools: [{ name: 'write' }] }, 'ok']);
});

test('R-18 an id that was used twice stands for both requests', async () => {
  const requests = new EarlierRequests();
  note(requests, session, toolCall(1, 'read'));
  note(requests, session, toolCall(1, 'write'));
  const frame = answer(1, { tools: [{ name: 'read' }] });
  assert.equal((await sent(frame, WITHOUT_READ, requests)).code, 'POSTERN_ACCESS_DENIED');
  note(requests, session, toolCall(2, 'write'));
  note(requests, session, { id: 2, method: 'tools/list' });
  const { bytes } = await sent(answer(2, { tools: [{ name: 'read' }] }), WITHOUT_READ, requests);
  assert.match(String(bytes), /"tools":\[\]/);
});

test('R-10 R-18 a request that is forgotten, or too long to remember, is not known', () => {
  const requests = new EarlierRequests();
  note(requests, session, toolCall(1, 'x'.repeat(2000)));
  note(requests, session, toolCall(1, 'write'));
  assert.equal(requests.find(session, 1), undefined);
  for (let id = 0; id <= 8192; id += 1) note(requests, session, toolCall(id, 'write'));
  assert.equal(requests.find(session, 0), undefined);
  assert.notEqual(requests.find(session, 8192), undefined);
});

test('R-23 earlier answers belong on a stream that a client takes up again at its server', () => {
  const brings = (call: object, resumed: object | null = null): boolean =>
    bringsEarlierAnswers({ permit: { call }, place: { session, resumed } } as unknown as Delivery);
  assert.equal(brings({ httpMethod: 'GET', lastEventId: 'e1' }), true);
  assert.equal(brings({ httpMethod: 'GET', lastEventId: 'mine' }, { listens: false }), true);
  assert.equal(brings({ httpMethod: 'GET', lastEventId: 'mine' }, { listens: true }), false);
  assert.equal(brings({ httpMethod: 'GET', lastEventId: null }), false);
  assert.equal(brings({ httpMethod: 'POST', lastEventId: 'e1' }), false);
});
