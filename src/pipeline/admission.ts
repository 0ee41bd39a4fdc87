import type { PosternError } from '#lib';
import type { Policy } from '#policy';
import { decide, mayReach } from '#policy';
import { authenticate, identify } from './authenticate.ts';
import type { Permitted } from './authorize.ts';
import { authorize, scopeMissing } from './authorize.ts';
import type { Call } from './call.ts';
import type { Caller } from './caller.ts';
import { EndpointDenied } from './errors.ts';
import type { Services } from './run.ts';

/**
 * Whether a caller may use anything on the server: a look ahead, before its message is read. It
 * permits nothing.
 */
export function isWelcome(
  caller: Caller,
  server: string,
  policy: Policy,
  trustDomain: string,
): boolean {
  try {
    const principal = identify(caller, trustDomain, Date.now());
    return mayReach(policy, { principal, server, clientLink: caller.clientLink });
  } catch {
    return false;
  }
}

/**
 * Why an endpoint for many servers is closed to a caller to whom none of its servers is open: the
 * fewest scopes that would open one, if scopes would.
 */
export function closedTo(
  caller: Caller,
  servers: readonly string[],
  policy: Policy,
  trustDomain: string,
): PosternError {
  const principal = identify(caller, trustDomain, Date.now());
  const { clientLink } = caller;
  const [least] = servers
    .flatMap((server) => {
      const subject = { principal, server, clientLink, accesses: [{ kind: 'server' as const }] };
      const { neededScopes } = decide(policy, subject);
      return neededScopes === undefined ? [] : [neededScopes];
    })
    .toSorted((one, other) => one.length - other.length);
  const reason = 'no server is open to this caller here';
  return least === undefined ? new EndpointDenied(reason) : scopeMissing(reason, least);
}

/**
 * Asks whether what a call is permitted would be permitted by then, also its caller's certificate. It
 * keeps nothing else of the call, whose message may be long.
 */
export function permittedLater(
  { subject }: Permitted,
  { policyNow, refusesPeer }: Pick<Services, 'policyNow' | 'refusesPeer'>,
): () => boolean {
  const { clientLink } = subject;
  const peer = clientLink.kind === 'tls' ? clientLink.peer : null;
  return () =>
    (peer === null || refusesPeer(peer) === null) &&
    decide(policyNow(), subject).effect === 'allow';
}

/** Whether a call that is going on would still be permitted, under another policy and by now. */
export function isStillPermitted(call: Call, policy: Policy, trustDomain: string): boolean {
  return wouldBePermitted({ ...call, receivedAtMs: Date.now() }, policy, trustDomain);
}

/** Whether a call would be permitted under another policy, by its caller as it was when it came. */
export function wouldBePermitted(call: Call, policy: Policy, trustDomain: string): boolean {
  try {
    return authorize(authenticate(call, trustDomain), policy).ok;
  } catch {
    return false;
  }
}
