import { generateKeyPairSync } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { RuntimeTooOld } from './errors.ts';
import type { Group } from './groups.ts';
import { allGroups } from './groups.ts';
import type { SignatureScheme } from './signatures.ts';
import { allSignatureSchemes } from './signatures.ts';

/** Which algorithms of the registry the running Node.js really has. */
export interface RuntimeAlgorithms {
  readonly openssl: string;
  readonly groups: readonly { readonly group: Group; readonly available: boolean }[];
  readonly signatures: readonly {
    readonly scheme: SignatureScheme;
    readonly available: boolean;
  }[];
}

/** Asks OpenSSL for each algorithm of the registry. */
export function probeRuntime(): RuntimeAlgorithms {
  return {
    openssl: process.versions.openssl,
    groups: allGroups().map((group) => ({
      group,
      available: works(() => createSecureContext({ ecdhCurve: group.name })),
    })),
    signatures: allSignatureSchemes().map((scheme) => ({
      scheme,
      available: works(() => createSecureContext({ sigalgs: scheme.opensslName })),
    })),
  };
}

/**
 * Makes sure that the runtime has post-quantum cryptography, by using it.
 *
 * @throws RuntimeTooOld when it has none.
 */
export function assertRuntime(): void {
  const usable =
    works(() => createSecureContext({ ecdhCurve: 'X25519MLKEM768', sigalgs: 'mldsa65' })) &&
    works(() => generateKeyPairSync('ml-dsa-65'));
  if (usable) return;
  throw new RuntimeTooOld(
    `Node.js ${process.version} with OpenSSL ${process.versions.openssl} has no ML-KEM or ML-DSA`,
  );
}

function works(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
}
