import type { ResponseFrame, Revision } from '#mcp';
import { revisionByName, UNDECLARED_REVISION } from '#mcp';
import { Backoff } from './backoff.ts';
import type { Asked, Exchanges } from './exchanges.ts';
import type { Back, QuietSink, RequestSink } from './sinks.ts';
import { ResumedSink, StreamSink } from './sinks.ts';

/** Attempts in a row that bring nothing before an interrupted answer is given up. */
const MAX_FRUITLESS = 5;

/** A stream that was open for so long was no failure, even if nothing came on it. */
const LASTING_MS = 10_000;

/** What of an exchange a session decides. */
type InSession = Pick<Asked, 'revision' | 'sessionId'>;

/**
 * A client's session of the stateful era with the server, which the client itself knows nothing of: in
 * HTTP+SSE and over stdio the stream is the session.
 */
export class UpstreamSession {
  readonly #exchanges: Exchanges;
  readonly #back: Back;
  readonly #onLost: () => void;
  readonly #closing = new AbortController();
  #revision: Revision = UNDECLARED_REVISION;
  #id: string | null = null;
  #state: 'none' | 'open' | 'lost' = 'none';
  #listening = false;

  /** @param onLost called when the server does not know the session any more. */
  constructor(exchanges: Exchanges, back: Back, onLost: () => void) {
    this.#exchanges = exchanges;
    this.#back = back;
    this.#onLost = onLost;
  }

  get isOpen(): boolean {
    return this.#state !== 'none';
  }

  /** The negotiated revision; before, that of clients which name none. */
  get revision(): Revision {
    return this.#revision;
  }

  /** What exchanges of the session have in common. */
  get context(): InSession {
    return { revision: this.#revision, sessionId: this.#id };
  }

  /** Takes note of the answer to `initialize` (2025-11-25, Lifecycle). */
  opened(answer: ResponseFrame, id: string | null): void {
    if ('error' in answer.outcome) return;
    const name = answer.outcome.result['protocolVersion'];
    const revision = typeof name === 'string' ? revisionByName(name) : undefined;
    if (revision?.era === 'stateful') this.#revision = revision;
    this.#id = id;
    this.#state = 'open';
  }

  /** Notices by a status that the session is over (Streamable HTTP, "Session Management"). */
  observe({ status }: QuietSink): void {
    if (status !== 404 || this.#id === null || this.#state !== 'open') return;
    this.#state = 'lost';
    this.#onLost();
  }

  /**
   * Listens to what the server says of its own accord, from now until the end. Resolves when the server
   * has taken note: what it says before may be lost.
   */
  async listen(): Promise<void> {
    if (this.#listening) return;
    this.#listening = true;
    const heard = Promise.withResolvers<void>();
    await Promise.race([heard.promise, this.#keepListening(() => heard.resolve())]);
  }

  async #keepListening(onOpen: () => void): Promise<void> {
    const { signal } = this.#closing;
    const backoff = new Backoff();
    let lastEventId: string | null = null;
    do {
      const sink: StreamSink = new StreamSink(this.#back, lastEventId);
      sink.onBegun = onOpen;
      const since = performance.now();
      await this.#get(sink, signal);
      // 405: the server has no such stream, which is fine. Policy may have refused it, too.
      if (isFinal(sink)) return;
      if (sink.heard || performance.now() - since > LASTING_MS) backoff.succeeded();
      ({ lastEventId } = sink);
    } while (await backoff.pause(signal));
  }

  /**
   * Takes up a reply again whose stream has ended before the answer came (Streamable HTTP,
   * "Resumability and Redelivery"), until `isDone` or in vain.
   */
  async resume(request: RequestSink, signal: AbortSignal, isDone: () => boolean): Promise<void> {
    const backoff = new Backoff();
    const ended = AbortSignal.any([signal, this.#closing.signal]);
    let { lastEventId } = request;
    for (let fruitless = 0; fruitless < MAX_FRUITLESS && lastEventId !== null; fruitless += 1) {
      if (isDone() || !(await backoff.pause(ended))) return;
      const sink = new ResumedSink(this.#back, request, lastEventId);
      await this.#get(sink, ended);
      if (isDone() || isFinal(sink)) return;
      ({ lastEventId } = sink);
      if (!sink.heard) continue;
      fruitless = -1;
      backoff.succeeded();
    }
  }

  /** Ends the session with the server, if there is one. */
  async close(sink: QuietSink, signal: AbortSignal): Promise<void> {
    this.#closing.abort();
    if (this.#state !== 'open' || this.#id === null) return;
    const context = this.context;
    this.#state = 'lost';
    await this.#exchanges.run({ ...context, httpMethod: 'DELETE', frame: null, signal }, sink);
  }

  async #get(sink: StreamSink, signal: AbortSignal): Promise<void> {
    const { lastEventId } = sink;
    const asked = { ...this.context, httpMethod: 'GET' as const, frame: null, lastEventId, signal };
    await this.#exchanges.run(asked, sink);
    this.observe(sink);
  }
}

/** Whether asking again would not help. */
function isFinal({ status }: QuietSink): boolean {
  return status !== null && status >= 400 && status < 500;
}
