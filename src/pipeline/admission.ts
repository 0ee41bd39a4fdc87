import type { LinkSecurity } from '#crypto';
import type { Policy } from '#policy';
import { mayReach } from '#policy';
import { authenticate, identify } from './authenticate.ts';
import { authorize } from './authorize.ts';
import type { Call } from './call.ts';

/**
 * Whether the caller at the other end of a link may use anything on the server: a look ahead, before
 * its message is read. It permits nothing.
 */
export function isWelcome(
  link: LinkSecurity,
  server: string,
  policy: Policy,
  trustDomain: string,
): boolean {
  try {
    const principal = identify(link, trustDomain, Date.now());
    return mayReach(policy, { principal, server, clientLink: link });
  } catch {
    return false;
  }
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
