import type { PosternError } from '#lib';
import { Slots, toPosternError } from '#lib';
import type { Revision } from '#mcp';
import { TokenMissing } from '#oauth';
import type { Call, ReplySink, Services } from '#pipeline';
import { answerError, runBatch, wouldBePermitted } from '#pipeline';
import type { HttpExchange } from '#transport';
import { connectionOf } from './connection.ts';
import { answerPreflight, isPreflight, shareAnswer } from './cors.ts';
import type { Destinations } from './destinations.ts';
import { Overloaded, Stopping } from './errors.ts';
import type { Arrival } from './listener.ts';
import type { HostNames } from './http-guard.ts';
import type { Admission } from './overload/admission.ts';
import { callerName } from './overload/caller-name.ts';
import type { Place } from './overload/place.ts';
import type { CallHead, RequestOrigin } from './read-call.ts';
import { newCallHead, readCalls } from './read-call.ts';
import type { Target } from './routes.ts';
import { sinkFor } from './tokens/challenging-sink.ts';
import type { AdmittedToken, TokenGate } from './tokens/gate.ts';

/** Where a request came in. */
export interface Entrance extends Arrival {
  /** Name of the listener. */
  readonly listener: string;
  /** The oldest revision that it takes. */
  readonly minRevision: Revision;
  readonly names: HostNames;
  /** `null` where tokens say nothing. */
  readonly gate: TokenGate | null;
}

interface CallInFlight {
  readonly abort: AbortController;
  readonly exchange: HttpExchange;
  readonly entrance: Entrance;
  /** What its access token says. */
  token: AdmittedToken | null;
  readonly place: Place;
  /** `null` until it has been read; a batch stays so, since none of its calls is long-lived. */
  read: { readonly call: Call; readonly target: Target } | null;
  /** Asked when the client's connection is lost. */
  goesOn: () => boolean;
  /** It goes on without its client. */
  alone: boolean;
}

/** So long clients may take to read that their calls were cut. */
const LAST_WORDS_MS = 1000;

/** Takes HTTP requests through the pipeline and keeps count of them for a clean shutdown. */
export class Calls {
  readonly #services: () => Services;
  readonly #destinations: Destinations;
  readonly #inFlight = new Slots<CallInFlight>();
  readonly #admission: Admission;
  #stopping = false;
  #onIdle: (() => void) | undefined;

  /** @param services gives the set in force; a call keeps the one that it began with. */
  constructor(services: () => Services, destinations: Destinations, admission: Admission) {
    this.#services = services;
    this.#destinations = destinations;
    this.#admission = admission;
  }

  get count(): number {
    return this.#inFlight.size;
  }

  /** Answers one request. Never throws. */
  handle(exchange: HttpExchange, entrance: Entrance): void {
    const { link, listener, names } = entrance;
    const place = this.#admission.enter(callerName(link, exchange.socket.remoteAddress));
    if (typeof place === 'string') {
      this.#services().meter.rejected(listener, Overloaded.code);
      shareAnswer(exchange, names);
      this.#admission.refusals.answer(exchange, place);
      return;
    }
    this.#begin(exchange, entrance, place);
  }

  #begin(exchange: HttpExchange, entrance: Entrance, place: Place): void {
    const inFlight: CallInFlight = {
      abort: new AbortController(),
      exchange,
      entrance,
      token: null,
      place,
      read: null,
      goesOn: () => false,
      alone: false,
    };
    const slot = this.#inFlight.add(inFlight);
    if (this.#stopping) exchange.endConnection();
    exchange.onceClosed(() => {
      const lost = !exchange.wasSent;
      const mayReturn = lost && !this.#stopping && !entrance.isRefused();
      inFlight.alone = mayReturn && inFlight.goesOn();
      if (inFlight.alone) return;
      if (lost) inFlight.abort.abort();
      this.#forget(inFlight, slot);
    });
    void this.#answer(inFlight).finally(() => {
      if (inFlight.alone) this.#forget(inFlight, slot);
    });
  }

  /** Refuses new calls, ends open streams, and resolves when the last call has ended or was cut. */
  async drain(timeoutMs: number): Promise<void> {
    this.#stopping = true;
    for (const { abort, alone, read, exchange } of this.#inFlight) {
      // So that a client's next call goes to whoever serves then.
      exchange.endConnection();
      const stream = read === null ? exchange.method === 'GET' : isLongLived(read.call);
      if (alone || stream) abort.abort();
    }
    await this.#idleWithin(timeoutMs);
    for (const { abort } of this.#inFlight) {
      abort.abort(new Stopping('the gateway shut down before the call was answered'));
    }
    await this.#idleWithin(LAST_WORDS_MS);
  }

  /**
   * Ends streams that are no longer permitted, or whose connection is to end; calls end under the
   * policy that they began with, unless their clients have left them. Those may come back with another
   * certificate, so it does not count that the one of then has expired, but that it is refused does.
   */
  recheck(): void {
    const { policy, trustDomain } = this.#services();
    for (const { read, abort, alone, entrance, token } of this.#inFlight) {
      if (read === null) continue;
      const { call, target } = read;
      // Of a call to many servers the store knows what it is made of.
      const permitted = target.kind !== 'server' || wouldBePermitted(call, policy, trustDomain);
      if (alone && (entrance.isRefused() || !permitted)) abort.abort();
      if (alone || !isLongLived(call)) continue;
      if (entrance.isOutdated() || !this.#destinations.permits(call, target)) abort.abort();
      else if (token !== null && entrance.gate?.believes(token) !== true) abort.abort();
    }
  }

  #originOf(inFlight: CallInFlight, { serverRevisions }: Services): RequestOrigin {
    const { abort, token, place, exchange } = inFlight;
    const { listener, minRevision, link } = inFlight.entrance;
    const caller = { clientLink: link, token };
    return {
      listener,
      minRevision,
      ...caller,
      connection: connectionOf(exchange.socket),
      signal: abort.signal,
      lifeline: {
        onLost: (goesOn) => {
          inFlight.goesOn = goesOn;
        },
        end: () => abort.abort(),
      },
      bodies: place,
      supported: (server) => serverRevisions.of(server, minRevision),
      mayReach: (target) => this.#destinations.isWelcome(caller, target),
    };
  }

  async #idleWithin(timeoutMs: number): Promise<void> {
    if (this.#inFlight.size === 0 || timeoutMs <= 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #forget({ place }: CallInFlight, slot: number): void {
    place.leave();
    this.#inFlight.remove(slot);
    if (this.#inFlight.size === 0) this.#onIdle?.();
  }

  async #answer(inFlight: CallInFlight): Promise<void> {
    const { exchange } = inFlight;
    const services = this.#services();
    const head = newCallHead();
    const { names, refusal, listener, link, gate } = inFlight.entrance;
    const sink = sinkFor(exchange, services.limits, gate, inFlight.place);
    shareAnswer(exchange, names);
    try {
      if (this.#stopping) throw new Stopping('the gateway is shutting down');
      if (refusal !== null) throw refusal;
      if (isPreflight(exchange, names)) {
        answerPreflight(exchange, names);
        return;
      }
      if (gate !== null) {
        const isOpen = (target: Target): boolean =>
          this.#destinations.isWelcome({ clientLink: link, token: null }, target);
        inFlight.token = await gate.admit(exchange, link, isOpen);
      }
      const origin = this.#originOf(inFlight, services);
      const incoming = await readCalls(exchange, origin, names, services.limits, head);
      const { target } = incoming;
      const run = (call: Call, to: ReplySink): Promise<void> =>
        this.#destinations.run(call, target, services, to);
      if (incoming.batch) {
        await runBatch(incoming.calls, run, sink);
      } else {
        inFlight.read = { call: incoming.call, target };
        endWithToken(inFlight);
        // What stays open is bounded by sessions and by streams.
        if (isLongLived(incoming.call)) inFlight.place.leave();
        await run(incoming.call, sink);
      }
    } catch (thrown) {
      const error = toPosternError(thrown);
      services.meter.rejected(listener, error.code);
      gate?.challenge(exchange, error);
      rejectRequest(exchange, services, sink, head, error);
    }
  }
}

/** Ends a stream when the token expires that it was opened with. */
function endWithToken({ read, token, abort, exchange }: CallInFlight): void {
  if (token === null || read === null || !isLongLived(read.call)) return;
  const leftMs = Math.min(token.expiresAtMs - Date.now(), MAX_TIMER_MS);
  const timer = setTimeout(() => abort.abort(), leftMs).unref();
  exchange.onceClosed(() => clearTimeout(timer));
}

/** Node takes longer times for none at all. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Whether a call is a stream that stays open for what may come. */
function isLongLived({ frame, httpMethod }: Call): boolean {
  if (frame?.kind === 'request') return frame.method === 'subscriptions/listen';
  return httpMethod === 'GET';
}

/** Answers a request that never became a call. */
export function rejectRequest(
  exchange: HttpExchange,
  services: Services,
  sink: ReplySink,
  head: Readonly<CallHead>,
  error: PosternError,
): void {
  services.events({
    // Clients ask without a token first, to be told where to get one.
    severity: error instanceof TokenMissing ? 'debug' : 'warn',
    name: 'request.rejected',
    message: error.message,
    fields: {
      call: head.id,
      code: error.code,
      source: exchange.socket.remoteAddress,
      ...error.details,
    },
  });
  if (exchange.isLost || sink.started) {
    sink.abort();
    return;
  }
  answerError(head, sink, error);
}
