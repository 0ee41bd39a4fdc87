import { toPosternError } from '#lib';
import type { ResponseFrame, RpcId } from '#mcp';
import { filterList, rpcErrorBytes } from '#mcp';
import type { Subject } from '#policy';
import { decide, isVisible, mayUseAll } from '#policy';
import { denialOf } from './authorize.ts';
import type { Delivery } from './deliver.ts';
import type { EarlierRequest } from './earlier-requests.ts';
import { AnswerUnknown, isDenial } from './errors.ts';
import { failureOf } from './journal.ts';

/** Whether the reply to a call may have answers to earlier requests: whoever takes a stream up again. */
export function bringsEarlierAnswers({ permit, place }: Delivery): boolean {
  const { httpMethod, lastEventId } = permit.call;
  return httpMethod === 'GET' && lastEventId !== null && place.resumed?.listens !== true;
}

/**
 * What goes out of an answer to an earlier request, once it is recorded: the answer as far as policy
 * allows it by now, or an error in its place.
 */
export async function inspectEarlier(delivery: Delivery, frame: ResponseFrame): Promise<Buffer> {
  const { permit, journal } = delivery;
  try {
    const body = allowed(delivery, frame);
    await journal.replayed(frame);
    return body;
  } catch (thrown) {
    const error = toPosternError(thrown);
    if (!isDenial(error) && error.code !== AnswerUnknown.code) throw error;
    await journal.replayed(frame, failureOf(error, 200));
    return rpcErrorBytes(error, frame.id, permit.call.id);
  }
}

/** @throws AnswerUnknown, or a denial. */
function allowed(delivery: Delivery, frame: ResponseFrame): Buffer {
  const { permit, place, policyNow } = delivery;
  const policy = policyNow();
  const { subject } = permit;
  const filtered = (method: string | null): Buffer =>
    filterList(method, frame, (item) => isVisible(policy, subject, item));
  // What the gateway itself keeps is permitted, or it would be gone; and an error may have no id.
  if (place.resumed !== null || frame.id === null) return filtered(null);
  const request = requestOf(delivery, frame.id);
  if (request === undefined) {
    if (mayUseAll(policy, subject)) return filtered(null);
    throw new AnswerUnknown('the answer is to a request that this process has not seen');
  }
  const asked: Subject = { ...subject, accesses: request.accesses };
  const decision = decide(policy, asked);
  if (decision.effect === 'deny') {
    throw denialOf(request.accesses, decision, permit.call.revision);
  }
  return filtered(request.method);
}

function requestOf(
  { place: { session }, earlierRequests }: Delivery,
  id: RpcId,
): EarlierRequest | undefined {
  return session === null ? undefined : earlierRequests.find(session, id);
}
