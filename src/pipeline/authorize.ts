import type { ErrorClass } from '#lib';
import type { Access } from '#mcp';
import { accessesOf, isGone } from '#mcp';
import type { Decision, Policy, Subject } from '#policy';
import { decide, mayReach } from '#policy';
import type { Authenticated } from './authenticate.ts';
import { AccessDenied, MethodUnknown, ServerDenied } from './errors.ts';

declare const permitted: unique symbol;

/** A call that policy allows; only {@link authorize} makes one. */
export interface Permitted extends Authenticated {
  readonly [permitted]: true;
  readonly policy: Policy;
  readonly decision: Decision;
  /** What was decided; every later decision about this call, such as filtering its lists, goes by it. */
  readonly subject: Subject;
}

/** Second stage's answer: a permit, or the decision that refuses together with its error. */
export type Authorization =
  | { readonly ok: true; readonly permit: Permitted }
  | { readonly ok: false; readonly decision: Decision; readonly error: Error };

/**
 * Second stage: whether policy allows the call, over the link that it really came on.
 *
 * @throws MethodUnknown for a method that the call's revision has no more, InvalidParams when the message does not say clearly what it names.
 */
export function authorize(caller: Authenticated, policy: Policy): Authorization {
  const { call, principal } = caller;
  const { frame, revision } = call;
  if (frame?.kind === 'request' && isGone(frame, revision)) {
    throw new MethodUnknown(`${frame.method} does not exist in ${revision.name}`);
  }
  const accesses: readonly Access[] = frame === null ? [{ kind: 'server' }] : accessesOf(frame);
  const subject = { principal, server: call.server, clientLink: call.clientLink, accesses };
  const decision = decide(policy, subject);
  if (decision.effect === 'allow') {
    const permit = { ...caller, policy, decision, subject } as unknown as Permitted;
    return { ok: true, permit };
  }
  const Denied = mayReach(policy, subject) ? deniedAs(accesses, decision) : ServerDenied;
  return { ok: false, decision, error: new Denied(decision.reason) };
}

/** Nothing is known of a method that neither the protocol nor a rule names. */
function deniedAs([first]: readonly Access[], { rules }: Decision): ErrorClass {
  const unknown = first?.kind === 'method' && !first.known && rules.length === 0;
  return unknown ? MethodUnknown : AccessDenied;
}
