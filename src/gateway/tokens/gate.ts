/** A listener as OAuth 2.1 protected resource (MCP, Authorization; RFC 6750, RFC 9728). */
import type { ResourceSettings, ListenerSettings } from '#config';
import type { LinkSecurity } from '#crypto';
import type { PosternError } from '#lib';
import type { TokenVerifier, VerifiedToken } from '#oauth';
import {
  AuthorizationMalformed,
  challengeOf,
  metadataPathOf,
  resourceMetadata,
  TokenMissing,
} from '#oauth';
import type { HttpExchange } from '#transport';
import { SubjectToken } from '#transport';
import type { HostNames } from '../http-guard.ts';
import { checkOrigin, singleHeaders } from '../http-guard.ts';
import type { Target } from '../routes.ts';
import { routeOf } from '../routes.ts';
import { originOf, pathOf, resourcePathOf } from './resources.ts';

/** What a {@link TokenGate} works with. */
export interface TokenGateOptions {
  readonly settings: ListenerSettings;
  readonly authorization: ResourceSettings;
  readonly verifier: TokenVerifier;
  readonly names: HostNames;
}

/** A token with which somebody was let in. */
export interface AdmittedToken extends VerifiedToken {
  /** What the verifier knows it by. */
  readonly verified: VerifiedToken;
  readonly presented: SubjectToken;
}

/** Asks those who come in for their access tokens. */
export class TokenGate {
  readonly names: HostNames;
  readonly #options: TokenGateOptions;
  readonly #known = new WeakMap<VerifiedToken, AdmittedToken>();
  #origin: string | undefined;

  constructor(options: TokenGateOptions) {
    this.names = options.names;
    this.#options = options;
  }

  /**
   * What the access token of a request says, `null` for a request that is let in without one.
   *
   * @param isOpen whether a request without a token may use anything there.
   * @throws RequestRefused, OriginRefused, PathUnknown before any token is looked at; what the verifier
   *   throws for a token that is not good here, and for none where nothing is open without one.
   */
  admit(
    exchange: HttpExchange,
    link: LinkSecurity,
    isOpen: (target: Target) => boolean,
  ): Promise<AdmittedToken> | AdmittedToken | null {
    const headers = singleHeaders(exchange);
    checkOrigin(headers, this.names);
    const { target: url, method } = exchange;
    const { target } = routeOf(url);
    if (hasTokenIn(url)) throw new AuthorizationMalformed('an access token stands in the URL');
    const { authorization, dpop } = headers;
    const peer = link.kind === 'tls' ? link.peer : null;
    const { authorization: settings, verifier } = this.#options;
    if (authorization === undefined && dpop === undefined) {
      const isEnough = peer !== null || settings.tokens === 'optional';
      if (isEnough && isOpen(target)) return null;
      throw new TokenMissing('the request has no access token');
    }
    const origin = this.#originFor(exchange);
    const verified = verifier.verify({
      authorization,
      dpop,
      httpMethod: method,
      url: `${origin}${pathOf(url)}`,
      resource: `${origin}${resourcePathOf(url)}`,
      site: origin,
      certificateThumbprint: peer === null ? null : thumbprintOf(peer.fingerprint256),
    });
    const admit = (token: VerifiedToken): AdmittedToken => this.#admitted(token, authorization);
    return verified instanceof Promise ? verified.then(admit) : admit(verified);
  }

  /** Whether a token with which a stream was opened is still believed. */
  believes({ verified }: AdmittedToken): boolean {
    return this.#options.verifier.believes(verified);
  }

  /** Tells a refused client how to come again, if another token would help (RFC 9110 §11.6.1). */
  challenge(exchange: HttpExchange, error: PosternError, scopes: readonly string[] = []): void {
    const path = metadataPathOf(resourcePathOf(exchange.target));
    const challenge = challengeOf(error, {
      resourceMetadata: `${this.#originFor(exchange)}${path}`,
      scopes,
      ...this.#schemes(),
    });
    if (challenge !== null) exchange.setHeader('www-authenticate', challenge);
  }

  /** The metadata of the resource at a path of the listener; empty for all of it. */
  describe(exchange: HttpExchange, path: string): string {
    const { issuers, scopesSupported } = this.#options.authorization;
    const { bearer } = this.#schemes();
    return resourceMetadata({
      resource: `${this.#originFor(exchange)}${path}`,
      issuers: issuers.map(({ issuer }) => issuer),
      scopes: scopesSupported ?? [],
      dpop: bearer ? 'taken' : 'required',
      certificateBound: issuers.every(({ binding }) => binding === 'certificate'),
    });
  }

  /** The same for each request with the same token, so that what is known of it is found by it. */
  #admitted(verified: VerifiedToken, authorization = ''): AdmittedToken {
    const known = this.#known.get(verified);
    if (known !== undefined) return known;
    const token = authorization.slice(authorization.indexOf(' ')).trimStart();
    const { claims, expiresAtMs } = verified;
    const facts = { issuer: String(claims['iss']), expiresAtMs };
    const admitted = { ...verified, verified, presented: new SubjectToken(token, facts) };
    this.#known.set(verified, admitted);
    return admitted;
  }

  /** A token that is bound to a key is taken of every issuer, where it is not one's certificate. */
  #schemes(): { readonly bearer: boolean; readonly dpop: boolean } {
    const bindings = this.#options.authorization.issuers.map(({ binding }) => binding);
    return {
      bearer: bindings.some((binding) => binding !== 'dpop'),
      dpop: bindings.some((binding) => binding !== 'certificate'),
    };
  }

  /** Under which clients reach the listener; its port is known when somebody has come. */
  #originFor({ socket }: HttpExchange): string {
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
