/** A verifier that trusts the issuers of a {@link World}, and what is presented to it. */
import assert from 'node:assert/strict';
import { allTokenAlgorithms } from '#crypto';
import { DEFAULT_LIMITS, PosternError } from '#lib';
import { World } from './attacks.fixture.ts';
import type { KeySet } from './key-set.ts';
import { fixedKeys } from './key-source.ts';
import type { Presented, TrustedIssuer, VerifiedToken } from './model.ts';
import { readKeySet } from './read-key-set.ts';
import type { ReplayGuard } from './replay.ts';
import { RecentProofs } from './replay.ts';
import { TokenVerifier } from './verifier.ts';

export const RESOURCE = 'https://mcp.example/servers/files/mcp';
export const NOW = Date.UTC(2026, 10, 23);

export function newWorld(algorithms?: readonly string[]): World {
  const place = {
    issuer: 'https://login.example/tenant',
    otherIssuer: 'https://other.example',
    resource: RESOURCE,
    url: RESOURCE,
    httpMethod: 'POST',
    nowSeconds: () => NOW / 1000,
  };
  return new World(place, algorithms);
}

export function keysOf(keySet: string): KeySet {
  return readKeySet(Buffer.from(keySet), DEFAULT_LIMITS.maxKeySetBytes).keys;
}

/** The first issuer of a world; all algorithms but ES512. */
export function trusted(world: World, changes: Partial<TrustedIssuer> = {}): TrustedIssuer {
  return {
    name: 'corp',
    issuer: world.place.issuer,
    audiences: null,
    algorithms: allTokenAlgorithms().filter(({ name }) => name !== 'ES512'),
    keys: fixedKeys(keysOf(world.keySet())),
    principalClaim: 'sub',
    binding: 'none',
    ...changes,
  };
}

export function verifierOf(
  issuers: readonly TrustedIssuer[],
  {
    clock = () => NOW,
    replay = new RecentProofs({ rememberMs: 120_000, maxProofs: 1000 }),
    maxVerifiedTokens = 100,
  }: { clock?: () => number; replay?: ReplayGuard; maxVerifiedTokens?: number } = {},
): TokenVerifier {
  const limits = { ...DEFAULT_LIMITS, maxVerifiedTokens };
  return new TokenVerifier({ issuers, replay, clock, limits });
}

export function presented(changes: Partial<Presented>): Presented {
  return {
    authorization: undefined,
    dpop: undefined,
    httpMethod: 'POST',
    url: RESOURCE,
    resource: RESOURCE,
    certificateThumbprint: null,
    ...changes,
  };
}

/** What is verified at once. */
export function verifyNow(verifier: TokenVerifier, changes: Partial<Presented>): VerifiedToken {
  const verified = verifier.verify(presented(changes));
  assert.ok(!(verified instanceof Promise), 'keys were asked for');
  return verified;
}

/** Why it is refused at once. */
export function refusalOf(
  verifier: TokenVerifier,
  changes: Partial<Presented>,
  what = 'it',
): PosternError {
  try {
    verifyNow(verifier, changes);
  } catch (error) {
    assert.ok(error instanceof PosternError, `${what}: ${String(error)}`);
    return error;
  }
  assert.fail(`${what} passed`);
}
