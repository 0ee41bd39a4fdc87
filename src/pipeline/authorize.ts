import type { PosternError } from '#lib';
import type { Access, Revision } from '#mcp';
import { accessesOf, isGone, noSuchResource } from '#mcp';
import { ScopeInsufficient } from '#oauth';
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
  const error = mayReach(policy, subject)
    ? denialOf(accesses, decision, revision)
    : serverDenial(decision);
  return { ok: false, decision, error };
}

/** The failure of a caller that may not reach the server at all. */
function serverDenial({ reason, neededScopes }: Decision): PosternError {
  return neededScopes === undefined ? new ServerDenied(reason) : scopeMissing(reason, neededScopes);
}

/** The failure of a caller whose token would do with further scopes. */
export function scopeMissing(reason: string, scopes: readonly string[]): PosternError {
  return new ScopeInsufficient(reason, { details: { scopes } });
}

/** The failure of a caller that may reach the server, but not for this. */
export function denialOf(
  accesses: readonly Access[],
  { reason, rules, neededScopes }: Decision,
  revision: Revision,
): PosternError {
  if (neededScopes !== undefined) return scopeMissing(reason, neededScopes);
  const [first] = accesses;
  // Nothing is known of a method that neither the protocol nor a rule names.
  const unknown = first?.kind === 'method' && !first.known && rules.length === 0;
  if (unknown) return new MethodUnknown(reason);
  // Nor is it asked whether there is such a resource: to this caller there is none.
  const [uri] = accesses.flatMap((access) => (access.kind === 'resource' ? [access.name] : []));
  return new AccessDenied(reason, uri === undefined ? {} : noSuchResource(revision, uri));
}
