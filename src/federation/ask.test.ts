import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRecorder, newCallId } from '#audit';
import { DEFAULT_LIMITS } from '#lib';
import { OLDEST_REVISION, UNDECLARED_REVISION } from '#mcp';
import type { Call, Services } from '#pipeline';
import { EarlierRequests, ServerRevisions, ToolHeaders } from '#pipeline';
import { readPolicy } from '#policy';
import type { Upstream, UpstreamReply } from '#transport';
import { ask, reasonOf } from './ask.ts';
import { requestFrame } from './frames.ts';

/** A server that says this and nothing else, or never anything. */
function serverOf(reply: UpstreamReply | null): Upstream {
  return {
    name: 'server',
    kind: 'http',
    exchange: ({ signal }) =>
      reply !== null
        ? Promise.resolve(reply)
        : new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error));
          }),
    health: () => Promise.reject(new Error('nobody asks')),
    stats: () => ({ sessions: 0, children: 0, connections: 0 }),
    close: () => Promise.resolve(),
  };
}

function servicesFor(upstream: Upstream): Services {
  const policy = readPolicy('rules: [{ id: all, effect: allow, principals: [anonymous] }]', 'test');
  assert.ok(policy.ok);
  const limits = DEFAULT_LIMITS;
  const events = (): void => undefined;
  return {
    trustDomain: 'postern.internal',
    policy: policy.policy,
    policyNow: () => policy.policy,
    refusesPeer: () => null,
    earlierRequests: new EarlierRequests(),
    upstreams: new Map([['server', upstream]]),
    sessions: { open: () => null } as unknown as Services['sessions'],
    resumption: { enter: (_session, _call, sink) => ({ sink, resumed: null }), ended: events },
    recorder: createRecorder({ mode: 'off', store: null, limits, events }),
    limits,
    events,
    meter: { call: events, rejected: events, shed: events },
    toolHeaders: new ToolHeaders(),
    serverRevisions: new ServerRevisions(),
  };
}

function callWith(signal: AbortSignal): Call {
  return {
    id: newCallId(),
    receivedAtMs: Date.now(),
    listener: 'test',
    source: '127.0.0.1',
    clientLink: { kind: 'pipe' },
    token: null,
    server: 'server',
    via: '/mcp',
    httpMethod: 'POST',
    revision: UNDECLARED_REVISION,
    minRevision: OLDEST_REVISION,
    sessionId: null,
    lastEventId: null,
    mcpHeaders: {},
    frame: requestFrame(1, 'tools/list', {}),
    connection: { onceClosed: () => undefined },
    signal,
  };
}

test('R-23 why a member has not answered is told as it was', async () => {
  const cases: readonly (readonly [UpstreamReply | null, RegExp])[] = [
    [null, /^it has not answered in time$/],
    [{ kind: 'empty', status: 202, sessionId: null }, /^it has answered with no message$/],
    [{ kind: 'empty', status: 404, sessionId: null }, /^it has answered with status 404$/],
    [{ kind: 'empty', status: 503, sessionId: null }, /^the server answers with HTTP status 503$/],
  ];
  for (const [reply, reason] of cases) {
    const signal = AbortSignal.timeout(reply === null ? 10 : 60_000);
    const answer = await ask(callWith(signal), servicesFor(serverOf(reply)));
    assert.match(reasonOf(answer), reason);
  }
});
