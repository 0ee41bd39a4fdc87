import type { EventSink } from '#lib';
import type { Listener } from './listener.ts';

/** Destroys the connections of clients that are refused since a moment ago, and tells of it. */
export function destroyRefused(listeners: readonly Listener[], events: EventSink): void {
  for (const listener of listeners) {
    const connections = listener.destroyRefused();
    if (connections === 0) continue;
    events({
      severity: 'warn',
      name: 'tls.connections_revoked',
      message: `ended ${connections} connections of clients whose certificates were revoked`,
      fields: { listener: listener.name, connections },
    });
  }
}
