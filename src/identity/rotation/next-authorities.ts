import type { Authorities, AuthorityChain, AuthorityPair } from '../authorities.ts';
import { RootKeyUnavailable, RootsInTransition } from '../errors.ts';
import { certifyAcross, makeIssuing, makeRoot } from '../make-identity.ts';

/**
 * New issuing CAs with new keys under the same roots.
 *
 * @throws RootKeyUnavailable
 */
export async function withNewIssuing(
  authorities: Authorities,
  nowMs: number,
): Promise<Authorities> {
  const { trustDomain } = authorities;
  const chains: AuthorityChain[] = [];
  for (const chain of authorities.chains) {
    const root = signingRoot(chain);
    const issuing = await makeIssuing(chain.spec, { trustDomain, nowMs }, root);
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
export async function withNewRoots(authorities: Authorities, nowMs: number): Promise<Authorities> {
  const { trustDomain, previousRoots } = authorities;
  if (previousRoots.length > 0) {
    throw new RootsInTransition('the roots before the present ones are still trusted');
  }
  const chains: AuthorityChain[] = [];
  for (const chain of authorities.chains) {
    const { spec } = chain;
    const oldRoot = signingRoot(chain);
    const root = await makeRoot(spec, { trustDomain, nowMs });
    const issuing = await makeIssuing(spec, { trustDomain, nowMs }, root);
    chains.push({ spec, root, issuing, cross: await certifyAcross(trustDomain, root, oldRoot) });
  }
  const formerRoots = authorities.chains.map(({ root }) => root.certificate);
  return { trustDomain, chains, previousRoots: formerRoots };
}

function signingRoot(chain: AuthorityChain): AuthorityPair {
  const { certificate, key } = chain.root;
  if (key !== null) return { certificate, key };
  throw new RootKeyUnavailable(`the key of the ${chain.spec.name} root is not here`, {
    details: { chain: chain.spec.name },
  });
}
