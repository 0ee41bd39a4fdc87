import { allTokenAlgorithms, tokenAlgorithmByName } from '#crypto';
import type { ResourceOutput } from './resource-schema.ts';
import type { ResourceSettings, HttpSettings, IssuerSettings } from './settings.ts';

/** The checked section as settings. */
export function toResource(
  written: ResourceOutput,
  absolute: (path: string) => string,
  toTls: (tls: ResourceOutput['issuers'][number]['tls']) => HttpSettings['tls'],
): ResourceSettings {
  return {
    tokens: written.tokens,
    resource: written.resource ?? null,
    scopesSupported: written.scopes_supported ?? null,
    issuers: written.issuers.map((issuer): IssuerSettings => {
      const { jwks, jwks_file: file } = issuer;
      const url = jwks ?? new URL(issuer.issuer);
      return {
        name: issuer.name,
        issuer: issuer.issuer,
        audiences: issuer.audiences ?? null,
        keys:
          file === undefined
            ? { kind: 'fetched', url: jwks ?? null }
            : { kind: 'file', file: absolute(file) },
        algorithms:
          issuer.algorithms?.flatMap((name) => tokenAlgorithmByName(name) ?? []) ??
          allTokenAlgorithms(),
        principalClaim: issuer.principal_claim,
        binding: issuer.binding,
        tls: url.protocol === 'http:' ? null : toTls(issuer.tls),
      };
    }),
  };
}
