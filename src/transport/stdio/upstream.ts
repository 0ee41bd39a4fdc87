import { EventStreams } from '../duplex/event-stream.ts';
import { Sessions } from '../duplex/sessions.ts';
import { Ticker } from '../duplex/ticker.ts';
import { CallCancelled, UpstreamUnavailable } from '../errors.ts';
import type {
  Upstream,
  UpstreamHealth,
  UpstreamReply,
  UpstreamRequest,
  UpstreamStats,
} from '../upstream.ts';
import { PIPE } from './channel.ts';
import { Guardian } from './guardian.ts';
import { Launcher } from './launcher.ts';
import { Pool } from './pool.ts';
import type { StdioOptions } from './program.ts';
import { programOf, whyNotStartable } from './program.ts';
import { SharedChannels } from './shared/shared-channels.ts';

/** Owner of what all principals share; no principal has this name. */
const EVERYBODY = '*';

/**
 * Presents a program that speaks MCP on its standard streams as a Streamable HTTP server: one process
 * for each session of the stateful era, a few for each principal's sessionless calls. Unless it is
 * configured to be shared no process serves two principals, and none outlives the gateway.
 */
export function createStdioUpstream(options: StdioOptions): Upstream {
  return new StdioUpstream(options);
}

class StdioUpstream implements Upstream {
  readonly name: string;
  readonly kind = 'stdio';
  readonly #ownGuardian: Guardian | null;
  readonly #launcher: Launcher;
  readonly #ownerOf: (principal: string) => string;
  readonly #shared: SharedChannels;
  readonly #sessions: Sessions;
  readonly #pool: Pool;
  readonly #ticker: Ticker;
  #closed = false;

  constructor(options: StdioOptions) {
    this.name = options.name;
    const guardian = options.guardian ?? new Guardian(options.events);
    this.#ownGuardian = options.guardian === undefined ? guardian : null;
    this.#launcher = new Launcher(programOf(options, guardian));
    const streams = new EventStreams(options.limits);
    const { instances = 'session' } = options;
    this.#ownerOf = instances === 'shared' ? () => EVERYBODY : (principal) => principal;
    this.#shared = new SharedChannels(this.#launcher, this.#ownerOf);
    const channels = instances === 'session' ? this.#launcher : this.#shared;
    this.#sessions = new Sessions(this.#launcher.program, channels, streams);
    this.#pool = new Pool(this.#launcher, streams, instances === 'shared');
    this.#ticker = new Ticker(streams, this.#sessions, this.#pool, this.#shared);
  }

  async exchange(request: UpstreamRequest): Promise<UpstreamReply> {
    if (this.#closed) throw new UpstreamUnavailable(`"${this.name}" is being shut down`);
    if (request.signal.aborted) throw new CallCancelled('the client went away');
    this.#ticker.start();
    return request.revision.era === 'stateful'
      ? this.#sessions.exchange(request)
      : this.#pool.exchange({ ...request, principal: this.#ownerOf(request.principal) });
  }

  async health(): Promise<UpstreamHealth> {
    const { program, trouble } = this.#launcher;
    const problem = await whyNotStartable(program);
    if (problem !== null) return { reachable: false, detail: problem, link: null };
    if (trouble !== null) return { reachable: false, detail: trouble, link: PIPE };
    return { reachable: true, detail: `${program.command} can be started`, link: PIPE };
  }

  stats(): UpstreamStats {
    return { sessions: this.#sessions.size, children: this.#launcher.children, connections: 0 };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#sessions.close();
    this.#pool.close();
    this.#shared.close();
    await this.#launcher.close();
    await this.#ownGuardian?.close();
    // Streams that still wait for their readers need no clock any more: their sources are gone.
    this.#ticker.stop();
  }
}
