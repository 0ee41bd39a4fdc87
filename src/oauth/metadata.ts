import { allTokenAlgorithms } from '#crypto';

/** A protected resource as its metadata describes it. */
export interface ProtectedResource {
  /** Its identifier: an absolute URL without fragment. */
  readonly resource: string;
  /** The issuer identifiers of those whose tokens it takes. */
  readonly issuers: readonly string[];
  /** The scopes that are of use here; empty: not told. */
  readonly scopes: readonly string[];
  /** Whether tokens bound to a key are taken, and whether others are not. */
  readonly dpop: 'none' | 'taken' | 'required';
  /** Whether every token has to be bound to the client's certificate. */
  readonly certificateBound: boolean;
}

const WELL_KNOWN = '/.well-known/oauth-protected-resource';

/** The metadata document of a protected resource (RFC 9728 §2), as JSON. */
export function resourceMetadata({
  resource,
  issuers,
  scopes,
  dpop,
  certificateBound,
}: ProtectedResource): string {
  const proofs = {
    dpop_signing_alg_values_supported: allTokenAlgorithms().map(({ name }) => name),
    dpop_bound_access_tokens_required: dpop === 'required',
  };
  return JSON.stringify({
    resource,
    authorization_servers: issuers,
    ...(scopes.length === 0 ? {} : { scopes_supported: scopes }),
    bearer_methods_supported: ['header'],
    tls_client_certificate_bound_access_tokens: certificateBound,
    ...(dpop === 'none' ? {} : proofs),
  });
}

/**
 * Where the metadata of a resource is: the well-known name stands between the host and the path of its
 * identifier (RFC 9728 §3.1).
 */
export function metadataUrlOf(resource: string): string {
  const url = new URL(resource);
  return `${url.origin}${metadataPathOf(url.pathname)}${url.search}`;
}

/** The path of the metadata of the resource at a path: `/mcp` → `/.well-known/…/mcp`. */
export function metadataPathOf(path: string): string {
  return path === '/' ? WELL_KNOWN : WELL_KNOWN + path;
}
