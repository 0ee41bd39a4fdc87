import type { IncomingHttpHeaders } from 'node:http';
import type { EventSink, PosternError } from '#lib';
import { UpstreamProtocolError } from '../errors.ts';
import { shownLocation } from './location.ts';
import type { ServerLabel } from './server-label.ts';

/** Those that keep method and body (RFC 9110, sections 15.4.8 and 15.4.9), and for how long they hold here. */
const KEPT_MS: Readonly<Record<number, number>> = { 307: 60_000, 308: 3_600_000 };

/** Web frameworks add a slash, which is one; more than this is a circle. */
const MAX_HOPS = 2;

/** A server whose every path moves is not worth remembering. */
const MAX_REMEMBERED = 64;

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

  /** The path that is to be used instead of this one, or itself. */
  current(path: string): string {
    // Most servers never redirect.
    if (this.#moves.size === 0) return path;
    const move = this.#moves.get(path);
    return move !== undefined && performance.now() < move.untilMs ? move.path : path;
  }

  /** What was said of a path does not hold any more. */
  forget(path: string): void {
    this.#moves.delete(path);
  }

  /**
   * Takes note of a redirect.
   *
   * @param path that was wanted.
   * @param at where it was asked for.
   * @param hops redirects before this one.
   * @returns where it is now.
   * @throws UpstreamProtocolError for a redirect that is not followed.
   */
  follow(
    path: string,
    at: string,
    hops: number,
    status: number,
    headers: IncomingHttpHeaders,
  ): string {
    const { location } = headers;
    const to = typeof location === 'string' ? URL.parse(location, new URL(at, this.#url)) : null;
    const keptMs = KEPT_MS[status];
    if (to === null || keptMs === undefined || hops >= MAX_HOPS || !this.#isOwn(to)) {
      this.forget(path);
      throw this.#refusal(status, to);
    }
    const target = to.pathname + to.search;
    if (!this.#moves.has(path)) this.#tell(to);
    if (this.#moves.size >= MAX_REMEMBERED) this.#moves.clear();
    this.#moves.set(path, { path: target, untilMs: performance.now() + keptMs });
    return target;
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
