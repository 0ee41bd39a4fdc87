import type { Sealer } from '#crypto';
import { linkClass } from '#crypto';
import type { Limits } from '#lib';
import { parseJson } from '#lib';
import { SessionNotFound } from '#transport';
import type { Authenticated } from './authenticate.ts';
import { ownerOf } from './authenticate.ts';

/** A session of a caller, as its token tells. */
export interface Session {
  /** What the client knows it by. */
  readonly token: string;
  /** What the server knows it by. */
  readonly upstreamId: string;
  /** The gateway process that saw it opened. */
  readonly instance: string;
  readonly server: string;
  /** Whose it is. */
  readonly owner: string;
}

/** Options of {@link SessionTokens}. */
export interface SessionTokensOptions {
  /** The sealer of the moment; another one when the keys have changed. */
  readonly sealer: () => Sealer;
  /** Names this process in the tokens that it makes. */
  readonly instance: string;
  readonly limits: Pick<Limits, 'sessionMaxAgeMs'>;
}

interface Opened {
  readonly session: Session;
  readonly linkClass: string;
  /** Milliseconds since the epoch. */
  readonly expiresAtMs: number;
}

const PURPOSE = 'session';

/** Between the number of a worker and what is sealed, which has none. */
const SEPARATOR = '.';

/** The number of the worker that serves a session, as its token says: it finds it, and proves nothing. */
export function workerOf(token: string): number | null {
  const [, number] = /^([1-9]\d{0,3})\./.exec(token) ?? [];
  return number === undefined ? null : Number(number);
}

/** Opened tokens that are remembered; opening one again takes some microseconds. */
const MAX_OPENED = 4096;

/**
 * Session ids as clients see them: sealed, so that only this gateway, or one with the same keys, made
 * them. Each is bound to its server, to its owner and to the kind of link that it was opened over. It
 * is no authentication: the owner is known before it is opened (MCP, "Session Hijacking").
 */
export class SessionTokens {
  readonly #options: SessionTokensOptions;
  readonly #opened = new Map<string, Opened>();
  #sealer: Sealer | null = null;

  constructor(options: SessionTokensOptions) {
    this.#options = options;
  }

  /** Names this process. */
  get instance(): string {
    return this.#options.instance;
  }

  /** The token for a session that a server has opened just now. */
  seal(caller: Authenticated, upstreamId: string): string {
    const { sealer, instance, limits } = this.#options;
    const { server, clientLink } = caller.call;
    const plaintext = JSON.stringify([Date.now() + limits.sessionMaxAgeMs, instance, upstreamId]);
    const context = [server, ownerOf(caller), linkClass(clientLink)];
    return prefixOf(instance) + sealer().seal(PURPOSE, context, plaintext);
  }

  /**
   * The session that the call names, `null` when it names none.
   *
   * @throws SessionNotFound for a token of another server, of somebody else, over another kind of
   *   link, that has expired, or that nobody here has sealed.
   */
  open(caller: Authenticated): Session | null {
    const { sessionId: token, server, clientLink } = caller.call;
    if (token === null) return null;
    const kind = linkClass(clientLink);
    const owner = ownerOf(caller);
    const known = this.#known(token) ?? this.#unseal(token, [server, owner, kind]);
    const mine =
      known?.session.owner === owner &&
      known.session.server === server &&
      known.linkClass === kind &&
      known.expiresAtMs > Date.now();
    if (!mine) throw new SessionNotFound('no such session of this caller');
    return known.session;
  }

  #known(token: string): Opened | undefined {
    const sealer = this.#options.sealer();
    if (sealer !== this.#sealer) {
      // What the keys of before opened has to open with those of now.
      this.#opened.clear();
      this.#sealer = sealer;
    }
    return this.#opened.get(token);
  }

  #unseal(token: string, context: readonly [string, string, string]): Opened | null {
    const sealed = token.slice(token.indexOf(SEPARATOR) + 1);
    const plaintext = this.#options.sealer().open(PURPOSE, context, sealed);
    if (plaintext === null) return null;
    const [server, owner, kind] = context;
    const [expiresAtMs, instance, upstreamId] = parseJson(plaintext) as [number, string, string];
    // One session has one token: what is kept of it is found by that.
    if (token !== prefixOf(instance) + sealed) return null;
    const session = { token, upstreamId, instance, server, owner };
    const opened = { session, linkClass: kind, expiresAtMs };
    this.#opened.set(token, opened);
    const [oldest] = this.#opened.keys();
    if (this.#opened.size > MAX_OPENED && oldest !== undefined) this.#opened.delete(oldest);
    return opened;
  }
}

/** The worker of a process is named behind it: `host/pid/worker`. */
function prefixOf(instance: string): string {
  const [, , worker] = instance.split('/');
  return worker === undefined ? '' : `${Number.parseInt(worker, 10)}${SEPARATOR}`;
}
