import { setTimeout as delay } from 'node:timers/promises';
import { runCall } from '#pipeline';
import type { ReplySink } from '#pipeline';
import type { Inbound } from './relay-sink.ts';
import { RelaySink } from './relay-sink.ts';
import type { Routed } from './route.ts';
import type { Era, Visit } from './visit.ts';

/** How often, and after which pause, a broken stream is taken up again without hearing anything. */
const MAX_RESUMPTIONS = 20;
const PAUSE_MS = 250;

/**
 * Has one member answer a request: once more in a new session when the member has lost the old one, and
 * by taking up its stream where that breaks off (Streamable HTTP, "Resumability and Redelivery").
 */
export async function forward(
  visit: Visit,
  era: Era,
  routed: Routed,
  inbound: Inbound,
  sink: ReplySink,
): Promise<void> {
  const { limits } = visit.services;
  visit.origins.add({ ...visit.call, server: routed.member.server, frame: routed.frame });
  for (let again = false; ; again = true) {
    const call = await era.callTo(visit, routed.member, routed.frame, visit.call.signal);
    let lost = false;
    const takesBack = (status: number): boolean => {
      lost = !again && status === 404 && era.lost(routed.member, call);
      return lost;
    };
    const { resumable } = era;
    const inSession = visit.call.revision.era === 'stateful';
    const { id } = routed.frame;
    const relay = new RelaySink(sink, { id, inbound, limits, takesBack, inSession, resumable });
    await runCall(call, visit.services, relay);
    if (lost) continue;
    await resume(visit, era, routed, relay, sink);
    return;
  }
}

async function resume(
  visit: Visit,
  era: Era,
  { member }: Routed,
  relay: RelaySink,
  sink: ReplySink,
): Promise<void> {
  const { signal } = visit.call;
  if (relay.resumesAfter === null) return;
  const done = new AbortController();
  const ended = AbortSignal.any([signal, done.signal]);
  let vain = 0;
  while (vain < MAX_RESUMPTIONS && !signal.aborted) {
    await delay(PAUSE_MS, undefined, { signal, ref: false }).catch(() => undefined);
    const after = relay.resumesAfter;
    if (after === null) break;
    const now = { ...visit, services: visit.current() };
    const call = await era.streamAfter(now, member, after, ended);
    const untilAnswered = {
      ...sinkOf(relay),
      event: async (wire: Buffer): Promise<void> => {
        await relay.event(wire);
        // What the member has to say besides comes on the session's own stream.
        if (relay.answered) done.abort();
      },
    };
    await visit.lasting(call, (permitted) =>
      runCall(
        { ...call, signal: AbortSignal.any([permitted, ended]) },
        now.services,
        untilAnswered,
      ),
    );
    vain = relay.resumesAfter === after ? vain + 1 : 0;
    if (relay.answered) break;
  }
  if (relay.answered) sink.endEvents();
  else sink.abort();
}

/** The way back for a stream that is taken up again: its end is not that of the answer. */
function sinkOf(relay: RelaySink): ReplySink {
  return {
    started: true,
    json: () => undefined,
    empty: () => undefined,
    openEvents: () => undefined,
    event: (wire) => relay.event(wire),
    endEvents: () => undefined,
    abort: () => undefined,
  };
}
