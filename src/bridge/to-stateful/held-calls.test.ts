import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LinkSecurity } from '#crypto';
import { groupByName } from '#crypto';
import { DEFAULT_LIMITS } from '#lib';
import type { JsonObject, RequestFrame } from '#mcp';
import { jsonLimitsOf, readFrame } from '#mcp';
import type { Upstream } from '#transport';
import { bridgeTo, exchangeOf, resultOf, statefulServer, toolCall } from '../fixtures/servers.ts';
import { STATELESS } from '../meta.ts';

const INVALID = { code: 'POSTERN_REQUEST_STATE_INVALID' };
const ANSWERS = { inputResponses: { input: { action: 'accept', content: {} } } };

const PQ = { kind: 'tls', group: groupByName('X25519MLKEM768') } as LinkSecurity;
const CLASSICAL = { kind: 'tls', group: groupByName('X25519') } as LinkSecurity;
const PLAIN: LinkSecurity = { kind: 'plain', loopback: true };

async function ask(
  bridge: Upstream,
  frame: RequestFrame,
  clientLink: LinkSecurity,
): Promise<JsonObject> {
  return resultOf(await bridge.exchange(exchangeOf(frame, STATELESS, { clientLink })));
}

test('R-15 R-18 a held call goes on over the kind of link that it came over, and no other', async () => {
  const bridge = bridgeTo(statefulServer());
  const { requestState } = await ask(bridge, toolCall(1), PQ);
  const retry = toolCall(2, { requestState, ...ANSWERS });
  for (const link of [CLASSICAL, PLAIN]) await assert.rejects(ask(bridge, retry, link), INVALID);
  const another = { ...PQ, resumed: true } as LinkSecurity;
  assert.equal((await ask(bridge, retry, another))['resultType'], 'complete');
  await bridge.close();
});

/** The call with a number that is written so. */
function callWith(number: string, more: JsonObject = {}): RequestFrame {
  const text = String(toolCall(1, { arguments: { number: 'HERE' }, ...more }).bytes);
  const limits = jsonLimitsOf(DEFAULT_LIMITS, DEFAULT_LIMITS.maxRequestBytes);
  return readFrame(Buffer.from(text.replace('"HERE"', number)), limits) as RequestFrame;
}

test('R-17 R-18 a held call does not go on for arguments that only rounding makes its own', async () => {
  const bridge = bridgeTo(statefulServer());
  const { requestState } = await ask(bridge, callWith('9007199254740993'), PQ);
  const state = { requestState, ...ANSWERS };
  for (const other of ['9007199254740992', '{"rawJSON":"9007199254740993"}']) {
    await assert.rejects(ask(bridge, callWith(other, state), PQ), INVALID);
  }
  const last = await ask(bridge, callWith('9007199254740993', state), PQ);
  assert.equal(last['resultType'], 'complete');
  await bridge.close();
});
