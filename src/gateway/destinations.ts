import type { Federation } from '#federation';
import type { Call, Caller, ReplySink, Services } from '#pipeline';
import { isStillPermitted, isWelcome, runCall } from '#pipeline';
import type { Target } from './routes.ts';
import { StreamParts } from './stream-parts.ts';

/** Where calls go: to one server, or to many behind one endpoint. */
export class Destinations {
  readonly #services: () => Services;
  readonly #federation: Federation;
  readonly #parts = new StreamParts();

  /** @param services gives the set in force. */
  constructor(services: () => Services, federation: Federation) {
    this.#services = services;
    this.#federation = federation;
  }

  /**
   * Takes a call its way and answers it. Never throws.
   *
   * @param services that it keeps to its end.
   */
  run(call: Call, target: Target, services: Services, sink: ReplySink): Promise<void> {
    if (target.kind === 'server') return runCall(call, services, sink);
    return this.#federation.run(call, target.set, services, sink, {
      current: this.#services,
      lasting: (part, run) => this.#parts.during(part, run),
    });
  }

  /** Whether a caller may use anything there. It permits nothing. */
  isWelcome(caller: Caller, target: Target): boolean {
    const { policy, trustDomain } = this.#services();
    return target.kind === 'server'
      ? isWelcome(caller, target.name, policy, trustDomain)
      : this.#federation.isWelcome(caller, target.set, policy, trustDomain);
  }

  /** Whether a call may go on as things are; of one to many servers, each decides for its own part. */
  permits(call: Call, target: Target): boolean {
    if (target.kind === 'federation') return this.isWelcome(call, target);
    const { policy, trustDomain, upstreams } = this.#services();
    return upstreams.has(target.name) && isStillPermitted(call, policy, trustDomain);
  }

  /** Ends parts of streams that are no longer permitted. */
  recheck(): void {
    const { policy, trustDomain } = this.#services();
    this.#parts.recheck(policy, trustDomain);
  }
}
