import type { Sealer } from '#crypto';
import type { Limits } from '#lib';
import type { Frame, JsonObject, NotificationFrame, RequestFrame } from '#mcp';
import { RPC } from '#mcp';
import type { Upstream, UpstreamReply, UpstreamRequest } from '#transport';
import { SessionNotFound, UpstreamOverloaded, UpstreamUnavailable } from '#transport';
import { serverForOther } from '../capabilities.ts';
import { BridgeInputMissing, BridgeNotPossible, InitializeRefused } from '../errors.ts';
import { exactParams } from '../exact.ts';
import { errorAnswer, errorOf, resultFrame } from '../frames.ts';
import type { Introduction } from '../meta.ts';
import { introductionOf, STATEFUL, STATELESS } from '../meta.ts';
import { replyOf } from '../reply.ts';
import { resultForStateless, statusForStateless } from '../results.ts';
import { Conversation } from './conversation.ts';
import { HeldCalls } from './held-calls.ts';
import { Listening } from './listening.ts';
import { Pool } from './pool.ts';
import type { Seat } from './pool.ts';
import { ServerCall } from './server-call.ts';

/** Requests amid which a server may ask for input (2026-07-28, "Supported Requests"). */
const MAY_ASK: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read']);

/** Methods of the stateful era alone, and of tasks, which are of another shape in each era. */
const NOT_BRIDGED = /^(?:initialize|ping|logging\/setLevel|resources\/(?:un)?subscribe|tasks\/.*)$/;

/** Failures after which the server no longer has the session. */
const SESSION_IS_OVER = [SessionNotFound, UpstreamUnavailable, InitializeRefused];

/** What {@link ToStateful} needs. */
export interface ToStatefulOptions {
  readonly upstream: Upstream;
  readonly limits: Limits;
  readonly sealer: Sealer;
  /** How the gateway introduces clients that do not introduce themselves. */
  readonly self: JsonObject;
}

/** Clients of the stateless era before one server of the stateful era. */
export class ToStateful {
  readonly #options: ToStatefulOptions;
  readonly #pool: Pool;
  readonly #held: HeldCalls;
  readonly #listenings = new Set<Listening>();

  constructor(options: ToStatefulOptions) {
    const { upstream, limits, sealer } = options;
    this.#options = options;
    this.#held = new HeldCalls({ server: upstream.name, sealer, limits });
    this.#pool = new Pool({
      upstream,
      limits,
      onChange: (principal, change) => this.#tell(principal, change),
      giveUpHeld: (principal) => this.#held.giveUpOldest(principal),
    });
  }

  /** Carries one exchange. @throws BridgeNotPossible, RequestStateInvalid, and what the call meets. */
  async exchange(request: UpstreamRequest): Promise<UpstreamReply> {
    request.onRevision(STATEFUL);
    const { frame } = request;
    // The era has no message but requests that a server would have to hear of.
    if (frame?.kind !== 'request') return { kind: 'empty', status: 202, sessionId: null };
    if (NOT_BRIDGED.test(frame.method)) {
      const to = `${STATELESS.name} to the stateful revisions`;
      throw new BridgeNotPossible(`${frame.method} cannot be bridged from ${to}`);
    }
    const client = introductionOf(frame.params, this.#options.self);
    if (client === null) return malformed(frame);
    if (frame.method === 'server/discover') return this.#discover(request, frame, client);
    if (frame.method === 'subscriptions/listen') return this.#listen(request, frame, client);
    return this.#call(request, frame, client);
  }

  async close(): Promise<void> {
    this.#held.close();
    await Promise.all([...this.#listenings].map((listening) => listening.close()));
    await this.#pool.close();
  }

  async #discover(
    request: UpstreamRequest,
    frame: RequestFrame,
    client: Introduction,
  ): Promise<UpstreamReply> {
    const seat = await this.#pool.seat(request.principal, client, false, request.signal);
    seat.leave();
    tellHop(request, seat);
    const { capabilities, serverInfo, instructions } = seat.server;
    const found = {
      supportedVersions: [STATELESS.name],
      capabilities: serverForOther(capabilities),
      ...(typeof instructions === 'string' ? { instructions } : {}),
    };
    const result = resultForStateless(frame.method, found, serverInfo);
    return { kind: 'json', status: 200, frame: resultFrame(frame.id, result), sessionId: null };
  }

  async #call(
    request: UpstreamRequest,
    frame: RequestFrame,
    client: Introduction,
  ): Promise<UpstreamReply> {
    const { signal } = request;
    const { requestState } = frame.params;
    const now: { conversation: Conversation | null } = { conversation: null };
    const frames =
      requestState === undefined
        ? this.#begun(request, frame, client, now)
        : this.#resumed(request, frame, now);
    const onGone = (): void => now.conversation?.cancel('the client went away');
    return replyOf(frames, { signal, statusOf, onGone });
  }

  async *#begun(
    request: UpstreamRequest,
    frame: RequestFrame,
    client: Introduction,
    now: { conversation: Conversation | null },
  ): AsyncGenerator<Frame, void> {
    for (let again = false; ; again = true) {
      const conversation = await this.#open(request, frame, client);
      now.conversation = conversation;
      if (request.signal.aborted) {
        conversation.cancel('the client went away');
        return;
      }
      try {
        yield* this.#goOn(request, frame, conversation, now);
        return;
      } catch (thrown) {
        // The server has forgotten the session, so it has done nothing.
        if (again || !(thrown instanceof SessionNotFound)) throw thrown;
      }
    }
  }

  async *#resumed(
    request: UpstreamRequest,
    frame: RequestFrame,
    now: { conversation: Conversation | null },
  ): AsyncGenerator<Frame, void> {
    const { requestState, inputResponses } = exactParams(frame);
    const conversation = this.#held.resume(requestState, request, frame);
    now.conversation = conversation;
    tellHop(request, conversation.seat);
    try {
      await conversation.bring(inputResponses);
    } catch (thrown) {
      conversation.cancel('the input could not be brought to the server');
      throw thrown;
    }
    yield* this.#goOn(request, frame, conversation, now);
  }

  async *#goOn(
    request: UpstreamRequest,
    frame: RequestFrame,
    conversation: Conversation,
    now: { conversation: Conversation | null },
  ): AsyncGenerator<Frame, void> {
    try {
      yield* conversation.goOn(frame, (held, asked) => {
        const state = this.#hold(request, asked, held);
        // A client that leaves now has what it needs to come back.
        now.conversation = null;
        return state;
      });
    } catch (thrown) {
      const over = SESSION_IS_OVER.some((kind) => thrown instanceof kind);
      conversation.cancel('the call has failed');
      if (over) conversation.seat.discard();
      throw thrown;
    }
    tellHop(request, conversation.seat);
  }

  async #open(
    request: UpstreamRequest,
    frame: RequestFrame,
    client: Introduction,
  ): Promise<Conversation> {
    const { limits } = this.#options;
    const mayAsk = MAY_ASK.has(frame.method);
    const seat = await this.#pool.seat(request.principal, client, mayAsk, request.signal);
    tellHop(request, seat);
    const call = new ServerCall(seat.session, limits, (said) => seat.route(said, call));
    seat.occupy(call);
    call.start(frame);
    return new Conversation(seat, call, client);
  }

  #hold(request: UpstreamRequest, frame: RequestFrame, conversation: Conversation): string {
    const { maxInputRounds: max } = this.#options.limits;
    if (conversation.rounds >= max) {
      throw new BridgeInputMissing(`the server asked more than ${max} times`, {
        details: { limit: 'max_input_rounds', max },
      });
    }
    return this.#held.hold(conversation, request, frame);
  }

  async #listen(
    request: UpstreamRequest,
    frame: RequestFrame,
    client: Introduction,
  ): Promise<UpstreamReply> {
    const { upstream, limits } = this.#options;
    const { principal, signal } = request;
    const max = limits.maxBridgedSessionsPerPrincipal;
    const mine = [...this.#listenings].filter((other) => other.principal === principal);
    if (mine.length >= max || this.#listenings.size >= limits.maxBridgedSessionsPerServer) {
      throw new UpstreamOverloaded(`${mine.length} subscriptions are open`, {
        details: { limit: 'max_bridged_sessions_per_principal', max },
      });
    }
    const listening = new Listening({ upstream, limits, principal, client }, frame);
    this.#listenings.add(listening);
    const end = (): void => {
      this.#listenings.delete(listening);
      void listening.close();
    };
    const frames = untilDone(listening.frames(), end);
    return replyOf(frames, { signal, statusOf, onGone: end });
  }

  #tell(principal: string, change: NotificationFrame): void {
    for (const listening of this.#listenings) {
      if (listening.principal === principal) listening.tell(change);
    }
  }
}

async function* untilDone(
  frames: AsyncGenerator<Frame, void>,
  end: () => void,
): AsyncGenerator<Frame, void> {
  try {
    yield* frames;
  } finally {
    end();
  }
}

function tellHop(request: UpstreamRequest, { session, server }: Seat): void {
  request.onRevision(server.revision);
  if (session.link !== null) request.onLink(session.link);
}

function statusOf(answer: Frame): number {
  return statusForStateless(answer.kind === 'response' ? errorOf(answer) : null);
}

function malformed(frame: RequestFrame): UpstreamReply {
  const message = '"_meta" does not say clearly who the client is and what it can do';
  const answer = errorAnswer(frame.id, { code: RPC.invalidParams, message });
  return { kind: 'json', status: 400, frame: answer, sessionId: null };
}
