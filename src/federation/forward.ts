import { runCall } from '#pipeline';
import type { ReplySink } from '#pipeline';
import type { Inbound } from './relay-sink.ts';
import { RelaySink } from './relay-sink.ts';
import type { Routed } from './route.ts';
import type { Era, Visit } from './visit.ts';

/** Has one member answer a request; once more in a new session when the member has lost the old one. */
export async function forward(
  visit: Visit,
  era: Era,
  { member, frame }: Routed,
  inbound: Inbound,
  sink: ReplySink,
): Promise<void> {
  for (let again = false; ; again = true) {
    const call = await era.callTo(visit, member, frame, visit.call.signal);
    let lost = false;
    const takesBack = (status: number): boolean => {
      lost = !again && status === 404 && era.lost(member, call);
      return lost;
    };
    const relay = new RelaySink(sink, inbound, visit.services.limits, takesBack);
    await runCall(call, visit.services, relay);
    if (!lost) return;
  }
}
