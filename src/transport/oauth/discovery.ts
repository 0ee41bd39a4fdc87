import { isLoopback } from '#config';
import type { JsonObject } from '#mcp';
import { DocumentUnavailable, UpstreamTokenUnavailable } from '../errors.ts';
import type { FetchDocument } from '../fetch/documents.ts';

/** Where tokens are issued. */
export interface TokenService {
  readonly endpoint: URL;
  /** Instead of `endpoint` for clients that prove themselves by certificate (RFC 8705, section 5). */
  readonly mtlsEndpoint: URL;
  /** For whom assertions are. */
  readonly audience: string;
  /** Secrets are taken in forms alone. */
  readonly secretInForm: boolean;
}

/**
 * Asks an issuer for its metadata: RFC 8414, and where it has none, OpenID Connect Discovery.
 *
 * @param issuer as its own metadata has to write it.
 * @throws UpstreamTokenUnavailable, and what fetching throws.
 */
export async function discoverTokenService(
  fetch: FetchDocument,
  issuer: string,
  signal: AbortSignal,
): Promise<TokenService> {
  const configured = new URL(issuer);
  const path = configured.pathname.replace(/\/$/, '');
  const places = [
    `/.well-known/oauth-authorization-server${path}`,
    `${path}/.well-known/openid-configuration`,
  ];
  for (const [index, place] of places.entries()) {
    try {
      const { value } = await fetch({ url: new URL(place, configured), signal });
      return readMetadata(value, issuer);
    } catch (thrown) {
      const isElsewhere = thrown instanceof DocumentUnavailable && thrown.details['status'] === 404;
      if (!isElsewhere || index === places.length - 1) throw thrown;
    }
  }
  throw new Error('an issuer has places for its metadata');
}

/** A service whose endpoint is configured, about which nothing else is known. */
export function knownTokenService(endpoint: URL): TokenService {
  return { endpoint, mtlsEndpoint: endpoint, audience: endpoint.href, secretInForm: false };
}

function readMetadata(metadata: JsonObject, issuer: string): TokenService {
  // An issuer that speaks for another could have secrets sent to itself (RFC 8414, section 3.3).
  if (metadata['issuer'] !== issuer) {
    throw new UpstreamTokenUnavailable('the metadata of the issuer is that of another one', {
      hint: 'Write `issuer` exactly as its own metadata does.',
    });
  }
  const endpoint = endpointIn(metadata['token_endpoint'], issuer);
  const { mtls_endpoint_aliases: aliases } = metadata;
  const alias = (aliases as JsonObject | undefined)?.['token_endpoint'];
  const methods = metadata['token_endpoint_auth_methods_supported'];
  const takes = (method: string): boolean => Array.isArray(methods) && methods.includes(method);
  return {
    endpoint,
    mtlsEndpoint: alias === undefined ? endpoint : endpointIn(alias, issuer),
    audience: issuer,
    secretInForm: takes('client_secret_post') && !takes('client_secret_basic'),
  };
}

function endpointIn(written: unknown, issuer: string): URL {
  const url = typeof written === 'string' ? URL.parse(written) : null;
  const isSecure = url?.protocol === 'https:' || (url !== null && isSameLoopback(url, issuer));
  if (url !== null && isSecure && url.username + url.password + url.hash === '') return url;
  throw new UpstreamTokenUnavailable('the metadata of the issuer names no https: token endpoint');
}

function isSameLoopback(url: URL, issuer: string): boolean {
  return url.origin === new URL(issuer).origin && isLoopback(url.hostname.replace(/^\[|\]$/g, ''));
}
