import type { NotificationFrame } from '#mcp';
import { always, editJson, asRpcId } from '#mcp';
import type { Member } from './members.ts';
import type { Inbound } from './relay-sink.ts';
import { rewriteAnswer, rewriteNotification } from './rewrite.ts';
import type { FederatedSession } from './session.ts';

/**
 * How a session's client sees the messages of one member: with the endpoint's ids and URIs, and without
 * what speaks of other members' requests.
 *
 * @param method of the request that the member answers; `null` on a stream of its own.
 */
export function inboundOf(
  session: FederatedSession,
  member: Member,
  method: string | null,
): Inbound {
  return {
    answer: (bytes) => (method === null ? bytes : rewriteAnswer(bytes, method, member)),
    aside: (frame) =>
      frame.kind === 'request'
        ? session.questions.enter(member.server, frame)
        : notified(session, member, frame),
  };
}

function notified(
  session: FederatedSession,
  member: Member,
  frame: NotificationFrame,
): Buffer | null {
  const { server } = member;
  const { params } = frame;
  switch (frame.method) {
    case 'notifications/progress':
      return session.pending.hasToken(server, params['progressToken']) ? frame.bytes : null;
    case 'notifications/cancelled': {
      const own = asRpcId(params['requestId']);
      const id = own === undefined ? undefined : session.questions.idOf(server, own);
      if (id === undefined) return null;
      return editJson(frame.bytes, { params: { requestId: always(id) } });
    }
    case 'notifications/tasks/status':
      return null;
    default:
      return rewriteNotification(frame, member);
  }
}
