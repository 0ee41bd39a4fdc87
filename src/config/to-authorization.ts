import { resolve } from 'node:path';
import type { AuthorizationOutput } from './authorization-schema.ts';
import { secretFrom } from './secret.ts';
import type { AuthorizationSettings, HttpSettings } from './settings.ts';

/**
 * The checked `authorization` of a server as settings.
 *
 * @param server for which tokens are, unless it says otherwise.
 */
export function toAuthorization(
  written: AuthorizationOutput,
  server: URL,
  directory: string,
  toLink: (tls: AuthorizationOutput['tls']) => HttpSettings['tls'],
): AuthorizationSettings {
  const { issuer, token_endpoint: endpoint, client_id: clientId, tls } = written;
  const at = issuer === undefined ? endpointOf(endpoint) : { issuer };
  const isPlain = new URL('issuer' in at ? at.issuer : at.endpoint).protocol === 'http:';
  return {
    at,
    clientId,
    proof: proofOf(written, directory),
    wanted: wantedOf(written, server),
    exchangeFrom: written.exchange_from ?? [],
    tls: isPlain ? null : toLink(tls),
  };
}

function endpointOf(endpoint: URL | undefined): { readonly endpoint: URL } {
  if (endpoint === undefined)
    throw new Error('a checked authorization says where tokens are issued');
  return { endpoint };
}

function proofOf(
  { client_secret: secret, client_key: key }: AuthorizationOutput,
  directory: string,
): AuthorizationSettings['proof'] {
  if (secret !== undefined) return { secret: secretFrom(secret, directory) };
  return key === undefined ? null : { keyFile: resolve(directory, key) };
}

function wantedOf(
  { scope, resource, audience }: AuthorizationOutput,
  server: URL,
): AuthorizationSettings['wanted'] {
  // Without a path, canonical resources have no slash either (MCP, "Canonical Server URI").
  const meant = resource ?? server.href.replace(/^([a-z]+:\/\/[^/]+)\/$/, '$1');
  return {
    ...(scope === undefined ? {} : { scope }),
    ...(meant === 'none' ? {} : { resource: meant }),
    ...(audience === undefined ? {} : { audience }),
  };
}
