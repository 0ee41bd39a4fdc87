import { randomBytes } from 'node:crypto';
import type { Limits } from '#lib';
import type { Call } from '#pipeline';
import { SessionNotFound } from '#transport';
import type { Conversation } from './duplex/conversation.ts';
import type { Target } from './duplex/exchanges.ts';
import { Overloaded } from './errors.ts';

/** One client of HTTP+SSE whose stream is open. */
export interface SseSession {
  /** Unguessable, though never an authentication. */
  readonly id: string;
  /** Who opened the stream; nobody else may say anything in its name. */
  readonly owner: string;
  /** Path to which its messages are sent. */
  readonly path: string;
  readonly target: Target;
  /** The request for the stream, as policy sees it. */
  readonly call: Call;
  readonly conversation: Conversation;
}

type SessionLimits = Pick<Limits, 'maxSessionsPerPrincipal' | 'maxUpstreamStreams'>;

/** The clients of HTTP+SSE. */
export class SseSessions {
  readonly #byId = new Map<string, SseSession>();

  /**
   * Adds a session until its conversation ends.
   *
   * @throws Overloaded before `open` is called, when there are too many.
   */
  add(
    about: Pick<SseSession, 'owner' | 'path'>,
    limits: SessionLimits,
    open: (id: string) => SseSession,
  ): SseSession {
    this.#makeSure(about, limits);
    const session = open(randomBytes(32).toString('base64url'));
    this.#byId.set(session.id, session);
    void session.conversation.ended.then(() => this.#byId.delete(session.id));
    return session;
  }

  /** @throws SessionNotFound also for a session of somebody else, or at another path. */
  find(id: string | null, { owner, path }: Pick<SseSession, 'owner' | 'path'>): SseSession {
    const session = id === null ? undefined : this.#byId.get(id);
    if (session?.owner === owner && session.path === path) return session;
    throw new SessionNotFound('no such session', {
      hint: 'Open the event stream and send messages to the endpoint that it names.',
    });
  }

  #makeSure({ owner, path }: Pick<SseSession, 'owner' | 'path'>, limits: SessionLimits): void {
    const { maxSessionsPerPrincipal, maxUpstreamStreams } = limits;
    if (this.#byId.size >= maxUpstreamStreams) {
      throw overloaded('max_upstream_streams', maxUpstreamStreams);
    }
    let mine = 0;
    for (const session of this.#byId.values()) {
      if (session.owner === owner && session.path === path) mine += 1;
    }
    if (mine < maxSessionsPerPrincipal) return;
    throw overloaded('max_sessions_per_principal', maxSessionsPerPrincipal);
  }
}

function overloaded(limit: string, max: number): Error {
  return new Overloaded(`${max} event streams are already open`, { details: { limit, max } });
}
