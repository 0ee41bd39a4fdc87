import type { EventsReply, Upstream, UpstreamReply } from '#transport';
import type { Admitted } from './admit.ts';
import { ownerOf } from './authenticate.ts';
import type { Journal } from './journal.ts';
import type { Resumed } from './resumption.ts';
import type { Session } from './session-tokens.ts';

/** Where a call belongs, besides its server. */
export interface Place {
  readonly session: Session | null;
  /** The kept events that it asks for. */
  readonly resumed: Resumed | null;
}

/** A server that needs longer to end a session is left to end it by itself. */
const END_TIMEOUT_MS = 10_000;

/** Fourth stage: the exchange with the server, over the upstream's own link. */
export async function forward(
  permit: Admitted,
  { session, resumed }: Place,
  upstream: Upstream,
  journal: Pick<Journal, 'forwarding' | 'sentOver' | 'spokenIn'>,
): Promise<UpstreamReply> {
  if (resumed?.listens === false) return eventsReply(resumed.events);
  journal.forwarding(upstream.kind);
  const { call } = permit;
  const reply = await upstream.exchange({
    httpMethod: call.httpMethod,
    frame: call.frame,
    revision: call.revision,
    sessionId: session?.upstreamId ?? null,
    lastEventId: resumed === null ? call.lastEventId : null,
    mcpHeaders: call.mcpHeaders,
    principal: ownerOf(permit),
    subjectToken: call.token?.presented ?? null,
    clientLink: call.clientLink,
    connection: call.connection,
    signal: call.signal,
    onLink: (link) => journal.sentOver(link),
    onRevision: (revision) => journal.spokenIn(revision),
  });
  if (resumed === null || reply.kind !== 'events') return reply;
  return eventsReply(following(resumed.events, reply.events));
}

/** Ends a session that its client is not to have. Never rejects: a server ends it in time itself. */
export async function endSession(
  permit: Admitted,
  upstream: Upstream,
  sessionId: string,
): Promise<void> {
  const { call } = permit;
  try {
    await upstream.exchange({
      httpMethod: 'DELETE',
      frame: null,
      revision: call.revision,
      sessionId,
      lastEventId: null,
      mcpHeaders: {},
      principal: ownerOf(permit),
      subjectToken: call.token?.presented ?? null,
      clientLink: call.clientLink,
      connection: call.connection,
      signal: AbortSignal.timeout(END_TIMEOUT_MS),
      onLink: () => undefined,
      onRevision: () => undefined,
    });
  } catch {
    // Nobody waits for it.
  }
}

type Events = EventsReply['events'];

function eventsReply(events: Events): EventsReply {
  return { kind: 'events', status: 200, sessionId: null, events };
}

/** The kept events, then those that come. */
async function* following(kept: Events, coming: Events): Events {
  let through = false;
  try {
    yield* kept;
    through = true;
  } finally {
    // A stream that nobody comes to iterate has to be let go of all the same.
    if (!through) await coming[Symbol.asyncIterator]().return?.();
  }
  yield* coming;
}
