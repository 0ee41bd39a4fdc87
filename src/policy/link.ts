import type { LinkSecurity, Profile } from '#crypto';
import { isQuantumSafe, narrowProfile, quantumSafeOnly } from '#crypto';
import type { LinkPolicy } from './model.ts';

/** Why policy refuses a hop as negotiated, as a phrase; `null` when it is strong enough. */
export function linkRefusal(links: LinkPolicy, link: LinkSecurity): string | null {
  if (links.enforcePqc && !isQuantumSafe(link)) {
    return link.kind === 'tls'
      ? `${link.group.name} is not quantum-safe and enforce_pqc is on`
      : 'it is not encrypted and enforce_pqc is on';
  }
  if (link.kind !== 'tls') return null;
  if (links.allowed.groups?.has(link.group) === false) {
    return `${link.group.name} is not in allowed_algos`;
  }
  if (links.allowed.ciphers?.has(link.cipher) === false) {
    return `${link.cipher.name} is not in allowed_algos`;
  }
  const { localSignature, peerSignature } = link;
  for (const scheme of [localSignature, peerSignature]) {
    if (scheme !== null && links.allowed.signatures?.has(scheme) === false) {
      return `${scheme.name} is not in allowed_algos`;
    }
  }
  return null;
}

/**
 * A deployment's profile with only what policy admits: what is too weak is not even offered.
 *
 * @throws NothingAllowed when nothing is left.
 */
export function profileUnder(links: LinkPolicy, profile: Profile): Profile {
  return narrowProfile(links.enforcePqc ? quantumSafeOnly(profile) : profile, links.allowed);
}
