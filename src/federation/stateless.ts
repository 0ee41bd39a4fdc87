import { newCallId } from '#audit';
import type { JsonObject } from '#mcp';
import { isObject, metaOf, revisionsFrom } from '#mcp';
import type { OwnExchange, OwnReply, ReplySink } from '#pipeline';
import { ResponseUnexpected } from '#transport';
import { ask, reasonOf, resultOf } from './ask.ts';
import { MemberUnavailable, NotFederated } from './errors.ts';
import type { Federated } from './federated.ts';
import { forward } from './forward.ts';
import { requestFrame, resultBytes } from './frames.ts';
import { introduceAll } from './introduce.ts';
import { listAll } from './list-all.ts';
import { listShapeOf } from './list-shapes.ts';
import { listen } from './listen.ts';
import type { Listeners } from './listeners.ts';
import type { Member } from './members.ts';
import { mirrorHeaders } from './mirror.ts';
import type { Inbound } from './relay-sink.ts';
import { withoutTaskExtension } from './no-tasks.ts';
import { rewriteAnswer, rewriteNotification } from './rewrite.ts';
import { Router } from './route.ts';
import type { Era, RequestVisit, Visit } from './visit.ts';

/**
 * Answers one exchange of the stateless era.
 *
 * @returns the answer, `null` when a member has given it.
 * @throws PosternError that answers the client.
 */
export async function answerStateless(
  visit: Visit,
  { sink }: OwnExchange,
  federated: Federated,
  listeners: Listeners,
): Promise<OwnReply | null> {
  const { frame } = visit.call;
  if (frame?.kind === 'response') {
    throw new ResponseUnexpected('servers of this revision send no requests');
  }
  // The revision defines no notification over HTTP.
  if (frame?.kind !== 'request') return { kind: 'empty', status: 202 };
  const asked: RequestVisit = { ...visit, frame: withoutTaskExtension(frame) };
  const era = statelessEra(visit, listeners);
  const reply = (result: JsonObject): OwnReply => ({
    kind: 'json',
    sessionId: null,
    body: resultBytes(frame.id, result),
  });
  const shape = listShapeOf(frame.method);
  if (shape !== undefined) return reply(await listAll(asked, era, shape, federated));
  if (frame.method === 'server/discover') return reply(await discover(asked, era, federated));
  if (frame.method === 'subscriptions/listen') {
    await listen(asked, era, sink, federated, listeners);
    return { kind: 'events' };
  }
  await forwardRequest(asked, era, sink, federated);
  return null;
}

async function forwardRequest(
  visit: RequestVisit,
  era: Era,
  sink: ReplySink,
  federated: Federated,
): Promise<void> {
  const { method, params } = visit.frame;
  if (isObject(params['task'])) throw new NotFederated('tasks are not shared by servers');
  const routed = await new Router(visit, era, federated).route();
  if (routed === null) throw new NotFederated(`"${method.slice(0, 100)}" names no server`);
  const { member } = routed;
  const inbound: Inbound = {
    answer: (bytes) => rewriteAnswer(bytes, method, member),
    // This era has no requests of servers.
    aside: (frame) => (frame.kind === 'notification' ? rewriteNotification(frame, member) : null),
  };
  await forward(visit, era, routed, inbound, sink);
}

async function discover(visit: RequestVisit, era: Era, federated: Federated): Promise<JsonObject> {
  const merged = await introduceAll(visit, era, federated, (member) =>
    discoverMember(visit, era, member, federated),
  );
  return {
    resultType: 'complete',
    supportedVersions: revisionsFrom(visit.call.minRevision),
    capabilities: merged.capabilities,
    ...(merged.instructions === null ? {} : { instructions: merged.instructions }),
    ttlMs: 0,
    cacheScope: 'private',
    _meta: { 'io.modelcontextprotocol/serverInfo': federated.serverInfo, ...merged.meta },
  };
}

async function discoverMember(
  visit: RequestVisit,
  era: Era,
  member: Member,
  { knowledge, limits }: Federated,
): Promise<void> {
  const { id, params } = visit.frame;
  const { progressToken: _, ...meta } = metaOf(params);
  const frame = requestFrame(id, 'server/discover', { _meta: meta });
  const signal = AbortSignal.timeout(limits.sessionSetupTimeoutMs);
  const answer = await ask(await era.callTo(visit, member, frame, signal), visit.services);
  const result = resultOf(answer);
  if (result === null) {
    throw new MemberUnavailable(`server "${member.server}": ${reasonOf(answer)}`);
  }
  knowledge.introduced(visit.owner, member.server, result);
}

/** Without sessions each call stands alone. */
function statelessEra({ owner, call: { via } }: Visit, listeners: Listeners): Era {
  return {
    key: `${owner} ${via}`,
    callTo: async ({ call }, { server }, frame, signal) => ({
      ...call,
      id: newCallId(),
      receivedAtMs: Date.now(),
      server,
      mcpHeaders:
        frame.kind === 'request'
          ? mirrorHeaders(frame, call.mcpHeaders, call.revision)
          : call.mcpHeaders,
      frame,
      signal,
    }),
    resumable: false,
    streamAfter: () => Promise.reject(new NotFederated('this revision has no such stream')),
    lost: () => false,
    changed: (method) => listeners.changed(owner, via, method),
  };
}
