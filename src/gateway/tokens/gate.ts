/** A listener as OAuth 2.1 protected resource (MCP, Authorization; RFC 6750, RFC 9728). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ListenerSettings } from '#config';
import type { LinkSecurity } from '#crypto';
import type { PosternError } from '#lib';
import type { TokenVerifier, VerifiedToken } from '#oauth';
import { AuthorizationMalformed, challengesFor, TokenMissing } from '#oauth';
import type { HostNames } from '../http-guard.ts';
import { checkOrigin, singleHeaders } from '../http-guard.ts';
import type { Target } from '../routes.ts';
import { routeOf } from '../routes.ts';
import { metadataPathOf, originOf, pathOf, resourcePathOf } from './resources.ts';

/** What a {@link TokenGate} works with. */
export interface TokenGateOptions {
  readonly settings: ListenerSettings;
  /** Whether callers without a client certificate need a token. */
  readonly required: boolean;
  readonly verifier: TokenVerifier;
  readonly names: HostNames;
}

/** Asks those who come in for their access tokens. */
export class TokenGate {
  readonly #options: TokenGateOptions;
  #origin: string | undefined;

  constructor(options: TokenGateOptions) {
    this.#options = options;
  }

  /**
   * What the access token of a request says, `null` for a request that is let in without one.
   *
   * @param isOpen whether a request without a token may use anything there.
   * @throws RequestRefused, OriginRefused, PathUnknown before any token is looked at; what the verifier
   *   throws for a token that is not good here, and for none where there is nothing without one.
   */
  admit(
    request: IncomingMessage,
    link: LinkSecurity,
    isOpen: (target: Target) => boolean,
  ): Promise<VerifiedToken> | VerifiedToken | null {
    const { required, verifier, names } = this.#options;
    const { authorization, dpop, ...headers } = singleHeaders(request);
    checkOrigin(headers, names);
    const url = request.url ?? '';
    const { target } = routeOf(url);
    if (hasTokenIn(url)) throw new AuthorizationMalformed('an access token stands in the URL');
    const peer = link.kind === 'tls' ? link.peer : null;
    if (authorization === undefined && dpop === undefined) {
      if ((peer !== null || !required) && isOpen(target)) return null;
      throw new TokenMissing('the request has no access token');
    }
    const origin = this.originFor(request);
    return verifier.verify({
      authorization,
      dpop,
      httpMethod: request.method ?? '',
      url: `${origin}${pathOf(url)}`,
      resource: `${origin}${resourcePathOf(url)}`,
      certificateThumbprint: peer === null ? null : thumbprintOf(peer.fingerprint256),
    });
  }

  /** Tells a refused client how to come again, if another token would help (RFC 9110 §11.6.1). */
  challenge(response: ServerResponse, error: PosternError, scopes: readonly string[] = []): void {
    const { req } = response;
    const path = metadataPathOf(resourcePathOf(req.url ?? ''));
    const challenges = challengesFor(error, {
      resourceMetadata: `${this.originFor(req)}${path}`,
      scopes,
    });
    if (challenges.length > 0) response.setHeader('www-authenticate', challenges);
  }

  /** Scheme, name and port under which clients reach the listener. */
  originFor({ socket }: IncomingMessage): string {
    this.#origin ??= originOf(this.#options.settings, socket.localPort ?? 0);
    return this.#origin;
  }
}

/** RFC 6750 §2.3 has tokens there, where logs and histories keep them; OAuth 2.1 has them no more. */
function hasTokenIn(url: string): boolean {
  const query = url.slice(pathOf(url).length + 1);
  return query.includes('access_token') && new URLSearchParams(query).has('access_token');
}

/** `x5t#S256` (RFC 8705 §3.1) of a fingerprint as OpenSSL prints it. */
function thumbprintOf(fingerprint256: string): string {
  return Buffer.from(fingerprint256.replaceAll(':', ''), 'hex').toString('base64url');
}
