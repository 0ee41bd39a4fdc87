import type { KeyObject } from 'node:crypto';
import type { Authorities, AuthorityChain, AuthorityPair } from '../authorities.ts';
import { RootKeyUnavailable, RootsInTransition } from '../errors.ts';
import { certifyAcross, makeIssuing, makeRoot } from '../make-identity.ts';

/** The private key of a chain's root, from wherever it is kept; `null` when it is not at hand. */
export type RootKeyOf = (chain: AuthorityChain) => KeyObject | null;

/**
 * New issuing CAs with new keys under the same roots.
 *
 * @throws RootKeyUnavailable
 */
export async function withNewIssuing(
  authorities: Authorities,
  rootKeyOf: RootKeyOf,
  nowMs: number,
): Promise<Authorities> {
  const { trustDomain } = authorities;
  const chains: AuthorityChain[] = [];
  for (const chain of authorities.chains) {
    const root = signingRoot(chain, rootKeyOf);
    const issuing = await makeIssuing(chain.spec, { trustDomain, nowMs }, root);
    // A root's key that was brought along for this is not kept.
    chains.push({ ...chain, issuing });
  }
  return { ...authorities, chains };
}

/**
 * New roots and issuing CAs, the roots certified by those before, which stay trusted.
 *
 * @throws RootKeyUnavailable, or RootsInTransition: with two rotations under way, a peer of before the
 *   first would need a longer chain than its root allows.
 */
export async function withNewRoots(
  authorities: Authorities,
  rootKeyOf: RootKeyOf,
  nowMs: number,
): Promise<Authorities> {
  const { trustDomain, previousRoots } = authorities;
  if (previousRoots.length > 0) {
    throw new RootsInTransition('the roots before the present ones are still trusted');
  }
  const chains: AuthorityChain[] = [];
  for (const chain of authorities.chains) {
    const { spec } = chain;
    const oldRoot = signingRoot(chain, rootKeyOf);
    const root = await makeRoot(spec, { trustDomain, nowMs });
    const issuing = await makeIssuing(spec, { trustDomain, nowMs }, root);
    chains.push({ spec, root, issuing, cross: await certifyAcross(trustDomain, root, oldRoot) });
  }
  const formerRoots = authorities.chains.map(({ root }) => root.certificate);
  return { trustDomain, chains, previousRoots: formerRoots };
}

function signingRoot(chain: AuthorityChain, rootKeyOf: RootKeyOf): AuthorityPair {
  const { certificate } = chain.root;
  const key = rootKeyOf(chain);
  if (key !== null) return { certificate, key };
  throw new RootKeyUnavailable(`the key of the ${chain.spec.name} root is not here`, {
    details: { chain: chain.spec.name },
  });
}
