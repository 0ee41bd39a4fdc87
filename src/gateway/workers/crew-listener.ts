import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { EpochPlan } from '#tls';
import { listen } from '../http-server.ts';
import type { EpochReport, Listener, ListenerOptions, ListenerReport } from '../listener.ts';
import type { Crew } from './crew.ts';

type CrewListenerOptions = Pick<ListenerOptions, 'name' | 'host' | 'port' | 'events'> & {
  readonly scheme: Listener['scheme'];
  readonly crew: Crew;
};

/** A listener whose ports the workers have, each one of its own at the same address. */
export class CrewListener implements Listener {
  readonly name: string;
  readonly scheme: Listener['scheme'];
  readonly #options: CrewListenerOptions;
  /** What new connections follow; `null` without TLS. */
  plan: EpochPlan | null;
  /** Known once it was opened. */
  port = 0;

  constructor(options: CrewListenerOptions, plan: EpochPlan | null) {
    this.name = options.name;
    this.scheme = options.scheme;
    this.#options = options;
    this.plan = plan;
  }

  /**
   * Finds out that nobody else has the address, and which port it is. Workers that share one would
   * share it with strangers of the same user too.
   */
  async open(): Promise<AddressInfo> {
    const probe = createServer((socket) => socket.destroy());
    const address = await listen(probe, { ...this.#options, reusePort: false });
    probe.close();
    await once(probe, 'close');
    this.port = address.port;
    return address;
  }

  use(plan: EpochPlan): void {
    this.plan = plan;
  }

  /** As the workers last told, taken together. */
  report(): ListenerReport | null {
    const reports = this.#options.crew
      .lastReports()
      .flatMap(({ listeners }) => listeners.get(this.name) ?? []);
    const [first, ...others] = reports;
    return first === undefined ? null : others.reduce(together, first);
  }

  drainOld(): void {
    this.#options.crew.drainOld();
  }

  /** Workers do so by themselves. */
  destroyRefused(): number {
    return 0;
  }

  drain(): void {
    this.#options.crew.drain();
  }

  close(): Promise<void> {
    return this.#options.crew.close();
  }
}

function together(one: ListenerReport, other: ListenerReport): ListenerReport {
  const { canary } = one;
  return {
    stable: sumOf(one.stable, other.stable),
    canary:
      canary === null || other.canary === null
        ? canary
        : {
            ...canary,
            ...sumOf(canary, other.canary),
            clientsSeen: canary.clientsSeen + other.canary.clientsSeen,
            clientsRefused: canary.clientsRefused + other.canary.clientsRefused,
          },
    oldConnections: one.oldConnections + other.oldConnections,
  };
}

/** A worker that was replaced counts its epochs anew. */
function sumOf(one: EpochReport, other: EpochReport): EpochReport {
  return {
    epoch: Math.max(one.epoch, other.epoch),
    profile: one.profile,
    connections: one.connections + other.connections,
    established: one.established + other.established,
    failed: one.failed + other.failed,
  };
}
