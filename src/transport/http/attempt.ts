import type { IncomingHttpHeaders } from 'node:http';
import type { PosternError } from '#lib';
import { messageOf, toPosternError } from '#lib';
import { UpstreamCertificateInvalid, UpstreamLinkRefused, UpstreamUnavailable } from '../errors.ts';
import type { Endpoint } from './endpoint.ts';
import type { ExchangeWatcher } from './exchange.ts';
import type { Gate } from './gate.ts';
import type { Connection } from './pool.ts';
import { retryAfterMs } from './retry-after.ts';

/** How a proxy or a server says that the server is not there, or cannot (RFC 9110 §15.6.3 to 15.6.5). */
const DOWN_STATUS: ReadonlySet<number> = new Set([502, 503, 504]);

/** A server that is silent or talks nonsense is there: it may be one tool that is slow or broken. */
const DOWN_CODES: ReadonlySet<string> = new Set([
  UpstreamUnavailable.code,
  UpstreamLinkRefused.code,
  UpstreamCertificateInvalid.code,
]);

interface AttemptOptions {
  readonly endpoint: Endpoint;
  /** Entered for it. */
  readonly gate: Gate;
  readonly principal: string;
}

/** One try of an exchange at one endpoint: holds what it takes, and judges the endpoint by it. */
export class Attempt implements ExchangeWatcher {
  readonly endpoint: Endpoint;
  /** Some of the request may have reached the server. */
  sent = false;
  /** The connection had carried others before. */
  reused = false;
  readonly #gate: Gate;
  readonly #principal: string;
  #isUndecidedTrial: boolean;
  readonly #isTrial: boolean;
  #connection: Connection | null = null;
  #exit: (() => void) | undefined;
  #status: number | null = null;
  #failed = false;

  constructor({ endpoint, gate, principal }: AttemptOptions) {
    this.endpoint = endpoint;
    this.#gate = gate;
    this.#principal = principal;
    this.#isTrial = endpoint.breaker.enter(principal);
    this.#isUndecidedTrial = this.#isTrial;
    endpoint.inFlight += 1;
  }

  /** Whether the endpoint is to blame for what came of it. */
  get endpointFailed(): boolean {
    return this.#failed;
  }

  /** Whether a response had begun. */
  get answered(): boolean {
    return this.#status !== null;
  }

  /** @param exit called when the exchange is over. */
  carriedBy(connection: Connection, exit: (() => void) | undefined): void {
    this.#connection = connection;
    this.#exit = exit;
    this.reused = connection.reused;
    this.sent = true;
    if (this.#isTrial) this.endpoint.breaker.connected();
  }

  onHead(status: number, headers: IncomingHttpHeaders): void {
    this.#status = status;
    if (DOWN_STATUS.has(status)) {
      const wantedMs = retryAfterMs(headers['retry-after'], Date.now());
      this.#blame(`${this.endpoint.label.host}: it answers with ${status}`, null, wantedMs);
    } else {
      this.#isUndecidedTrial = false;
      this.endpoint.breaker.succeeded(this.#isTrial);
    }
  }

  onOver(): void {
    if (this.#connection !== null) this.endpoint.pool.release(this.#connection);
    this.#leave();
    this.#exit?.();
  }

  onFailed(error: PosternError): void {
    if (this.#status !== null || !DOWN_CODES.has(error.code)) return;
    if (this.endpoint.pool.isClosing) return;
    this.#blame(messageOf(error), error.code, 0);
  }

  /** No connection came about. */
  notConnected(thrown: unknown): void {
    this.onFailed(toPosternError(thrown));
    this.#leave();
  }

  #blame(reason: string, code: string | null, wantedMs: number): void {
    this.#failed = true;
    // What was never sent cannot be the reason.
    const principal = this.sent ? this.#principal : null;
    this.endpoint.breaker.failed({ reason, code, wantedMs, principal }, this.#isTrial);
    this.#isUndecidedTrial = false;
  }

  #leave(): void {
    this.endpoint.inFlight -= 1;
    this.#gate.leave(this.#principal);
    if (this.#isUndecidedTrial) this.endpoint.breaker.release();
  }
}
