import type { EventSink, PosternError } from '#lib';
import { SessionNotFound, UpstreamProtocolError } from '../errors.ts';
import type { UpstreamReply } from '../upstream.ts';
import { shownLocation } from './location.ts';
import type { ServerLabel } from './server-label.ts';

/** Those that keep method and body (RFC 9110, sections 15.4.8 and 15.4.9), and for how long they hold here. */
const KEPT_MS: Readonly<Record<number, number>> = { 307: 60_000, 308: 3_600_000 };

/** Web frameworks add a slash, which is one; more than this is a circle. */
const MAX_HOPS = 2;

/** A server whose every path moves is not worth remembering. */
const MAX_REMEMBERED = 64;

/** What a server has answered instead of a reply. */
interface Redirect {
  readonly status: number;
  /** As it came. */
  readonly location: string | null;
}

/** The redirects behind failures, for {@link Redirects} alone: a location may hold secrets. */
const behind = new WeakMap<Error, Redirect>();

/** The failure of an exchange that is answered with a redirect, unless {@link Redirects} follows it. */
export function redirectFailure(redirect: Redirect): Error {
  const { status } = redirect;
  const error = new UpstreamProtocolError('the server redirects', { details: { status } });
  behind.set(error, redirect);
  return error;
}

/** One request of a path. */
interface Step {
  readonly wanted: string;
  /** Where it was sent to. */
  readonly at: string;
  /** Redirects before. */
  readonly hops: number;
}

interface Move {
  readonly path: string;
  readonly untilMs: number;
}

/**
 * Where a server says that its paths are. Only within its own origin: credentials, sessions and messages
 * go nowhere else.
 */
export class Redirects {
  readonly #url: URL;
  readonly #label: ServerLabel;
  readonly #events: EventSink;
  readonly #moves = new Map<string, Move>();

  constructor(url: URL, label: ServerLabel, events: EventSink) {
    this.#url = url;
    this.#label = label;
    this.#events = events;
  }

  /**
   * Sends something to where its path is.
   *
   * @param send to this path.
   * @throws UpstreamProtocolError for a redirect that is not followed, and what sending throws.
   */
  async follow(
    wanted: string,
    send: (path: string) => Promise<UpstreamReply>,
  ): Promise<UpstreamReply> {
    for (let hops = 0; ; hops += 1) {
      const at = this.current(wanted);
      try {
        const reply = await send(at);
        if (reply.status === 404) this.#moves.delete(wanted);
        return reply;
      } catch (error) {
        if (!this.follows({ wanted, at, hops }, error)) throw error;
      }
    }
  }

  /** Where a path is, as far as it is known. */
  current(path: string): string {
    // Most servers never redirect.
    if (this.#moves.size === 0) return path;
    const move = this.#moves.get(path);
    return move !== undefined && performance.now() < move.untilMs ? move.path : path;
  }

  /**
   * Whether what has failed is to be sent again, to where its path is now known to be.
   *
   * @throws UpstreamProtocolError for a redirect that is not followed.
   */
  follows(step: Step, failure: unknown): boolean {
    if (failure instanceof SessionNotFound) this.#moves.delete(step.wanted);
    const redirect = behind.get(failure as Error);
    if (redirect === undefined) return false;
    this.#note(step, redirect);
    return true;
  }

  #note({ wanted, at, hops }: Step, { status, location }: Redirect): void {
    const to = location === null ? null : URL.parse(location, new URL(at, this.#url));
    const keptMs = KEPT_MS[status];
    if (to === null || keptMs === undefined || hops >= MAX_HOPS || !this.#isOwn(to)) {
      this.#moves.delete(wanted);
      throw this.#refusal(status, to);
    }
    if (!this.#moves.has(wanted)) this.#tell(to);
    if (this.#moves.size >= MAX_REMEMBERED) this.#moves.clear();
    const path = to.pathname + to.search;
    this.#moves.set(wanted, { path, untilMs: performance.now() + keptMs });
  }

  #isOwn(to: URL): boolean {
    return to.origin === this.#url.origin && to.username + to.password === '';
  }

  #refusal(status: number, to: URL | null): PosternError {
    const where = shownLocation(to);
    return new UpstreamProtocolError(`the server redirects ${where}, which is not followed`, {
      details: { status },
      hint: 'Configure the URL at which the server itself answers; see whether the server knows its own name and scheme when it redirects.',
    });
  }

  #tell(to: URL): void {
    const { name } = this.#label;
    this.#events({
      severity: 'info',
      name: 'upstream.redirected',
      message: `${name} redirects ${shownLocation(to)}: with that URL in the configuration it is asked once`,
      fields: { upstream: name ?? this.#url.host },
    });
  }
}
