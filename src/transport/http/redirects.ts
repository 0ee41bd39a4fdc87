import type { IncomingHttpHeaders } from 'node:http';
import type { EventSink, PosternError } from '#lib';
import { UpstreamProtocolError } from '../errors.ts';
import type { Errand } from './courier.ts';
import { shownLocation } from './location.ts';
import type { ServerLabel } from './server-label.ts';

/** Those that keep method and body (RFC 9110, sections 15.4.8 and 15.4.9), and for how long they hold here. */
const KEPT_MS: Readonly<Record<number, number>> = { 307: 60_000, 308: 3_600_000 };

/** Web frameworks add a slash, which is one; more than this is a circle. */
const MAX_HOPS = 2;

/** A server whose every path moves is not worth remembering. */
const MAX_REMEMBERED = 64;

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
   * Sends an errand to where its path is.
   *
   * @throws UpstreamProtocolError for a redirect that is not followed, and what sending throws.
   */
  async follow<T>(errand: Errand, send: (errand: Errand) => Promise<T>): Promise<T> {
    const { path: wanted } = errand;
    let path = this.#current(wanted);
    for (let hops = 0; ; hops += 1) {
      const at = path;
      let next: string | null = null;
      const readHead: Errand['readHead'] = (status, headers) => {
        if (status >= 300 && status < 400) {
          next = this.#note({ wanted, at, hops }, status, headers);
          throw new UpstreamProtocolError('the server redirects', { details: { status } });
        }
        if (status === 404 && at !== wanted) this.#moves.delete(wanted);
        return errand.readHead(status, headers);
      };
      try {
        return await send({ ...errand, path, readHead });
      } catch (error) {
        if (next === null) throw error;
        path = next;
      }
    }
  }

  #current(path: string): string {
    // Most servers never redirect.
    if (this.#moves.size === 0) return path;
    const move = this.#moves.get(path);
    return move !== undefined && performance.now() < move.untilMs ? move.path : path;
  }

  /** @returns where it is now. */
  #note({ wanted, at, hops }: Step, status: number, { location }: IncomingHttpHeaders): string {
    const to = typeof location === 'string' ? URL.parse(location, new URL(at, this.#url)) : null;
    const keptMs = KEPT_MS[status];
    if (to === null || keptMs === undefined || hops >= MAX_HOPS || !this.#isOwn(to)) {
      this.#moves.delete(wanted);
      throw this.#refusal(status, to);
    }
    const path = to.pathname + to.search;
    if (!this.#moves.has(wanted)) this.#tell(to);
    if (this.#moves.size >= MAX_REMEMBERED) this.#moves.clear();
    this.#moves.set(wanted, { path, untilMs: performance.now() + keptMs });
    return path;
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
