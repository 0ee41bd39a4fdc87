import type { JsonObject } from '#mcp';
import { isObject, metaOf } from '#mcp';
import type { Answer } from './ask.ts';
import { ask } from './ask.ts';
import { readCursor } from './cursor.ts';
import type { Federated } from './federated.ts';
import { requestFrame } from './frames.ts';
import type { ListShape } from './list-shapes.ts';
import { listShapeOf } from './list-shapes.ts';
import { mergeLists } from './lists.ts';
import type { Member } from './members.ts';
import type { Question } from './patience.ts';
import type { Era, RequestVisit } from './visit.ts';

/**
 * Asks every member for a list and gives one of all, within the deadline.
 *
 * @throws InvalidParams for a cursor that the endpoint did not give.
 */
export async function listAll(
  visit: RequestVisit,
  era: Era,
  shape: ListShape,
  federated: Federated,
): Promise<JsonObject> {
  const { knowledge, patience } = federated;
  const cursors = cursorsOf(visit);
  const asked = visit.members.filter(({ server }) =>
    cursors === null
      ? !knowledge.lacks(visit.owner, server, shape.capability)
      : cursors.has(server),
  );
  const questions = asked.map((member): Question<Answer> => {
    const cursor = cursors?.get(member.server);
    return {
      asked: JSON.stringify([visit.owner, member.server]),
      key: JSON.stringify([era.key, member.server, shape.method, cursor]),
      ask: () => askMember(visit, era, member, cursor, shape.method),
      onLate: () => era.changed(`notifications/${shape.capability}/list_changed`),
    };
  });
  const outcomes = await patience.askAll(questions);
  const parts = asked.flatMap((member, index) => {
    const outcome = outcomes[index];
    return outcome === undefined ? [] : [{ member, outcome }];
  });
  const merged = mergeLists(parts, {
    shape,
    set: visit.set,
    knowledge,
    owner: visit.owner,
    cacheable: visit.call.revision.era === 'stateless',
    maxBytes: visit.services.limits.maxMessageBytes,
  });
  federated.tellCollisions(merged.collisions);
  return merged.result;
}

/**
 * Has every member list its resources to this caller, page by page, so that their URIs are known. It takes
 * no longer than a list may.
 */
export async function learnResources(
  visit: RequestVisit,
  era: Era,
  federated: Federated,
): Promise<void> {
  const shape = listShapeOf('resources/list');
  if (shape === undefined) return;
  const untilMs = Date.now() + federated.limits.federationDeadlineMs;
  let cursor: unknown;
  do {
    const params = { ...metaFor(visit.frame.params), ...(cursor === undefined ? {} : { cursor }) };
    const frame = requestFrame(visit.frame.id, shape.method, params);
    ({ nextCursor: cursor } = await listAll({ ...visit, frame }, era, shape, federated));
  } while (cursor !== undefined && Date.now() < untilMs);
}

/** One page of one member's list; what takes longer than starting a server may is given up. */
export async function askMember(
  visit: RequestVisit,
  era: Era,
  member: Member,
  cursor: string | undefined,
  method: string = visit.frame.method,
): Promise<Answer> {
  const timeout = AbortSignal.timeout(visit.services.limits.sessionSetupTimeoutMs);
  const signal = AbortSignal.any([timeout, visit.call.signal]);
  const frame = requestFrame(visit.frame.id, method, {
    ...(cursor === undefined ? {} : { cursor }),
    ...metaFor(visit.frame.params),
  });
  const call = await era.callTo(visit, member, frame, signal);
  const answer = await ask(call, visit.services);
  if (answer.status !== 404 || !era.lost(member, call)) return answer;
  return ask(await era.callTo(visit, member, frame, signal), visit.services);
}

/** What the client says of itself; not its progress token, which several members would use. */
function metaFor(params: JsonObject): { _meta?: JsonObject } {
  if (!isObject(params['_meta'])) return {};
  const { progressToken: _, ...meta } = metaOf(params);
  return { _meta: meta };
}

function cursorsOf({ frame, members }: RequestVisit) {
  const { cursor } = frame.params;
  if (cursor === undefined) return null;
  return readCursor(cursor, (name) => members.some(({ server }) => server === name));
}
