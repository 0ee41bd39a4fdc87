import type { IncomingHttpHeaders } from 'node:http';
import type { PosternError } from '#lib';
import { formatBytes, Gather } from '#lib';
import {
  DocumentInvalid,
  DocumentTimeout,
  DocumentTooLarge,
  DocumentUnavailable,
} from '../errors.ts';
import {
  CallCancelled,
  UpstreamProtocolError,
  UpstreamTimeout,
  UpstreamUnavailable,
} from '../errors.ts';
import type { Connect } from '../http/connect.ts';
import { exchangeFailure } from '../http/exchange-errors.ts';
import type { ServerLabel } from '../http/server-label.ts';
import type { ResponseReader } from '../http/wire/http-connection.ts';
import { HttpConnection } from '../http/wire/http-connection.ts';
import type { WireRequest } from '../http/wire/request-bytes.ts';
import type { WireHead } from '../http/wire/wire-head.ts';

/** A whole response. */
export interface HopAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** How long and how large an answer may be. */
export interface HopBounds {
  /** Its reason says why it is given up. */
  readonly signal: AbortSignal;
  /** Without a byte. */
  readonly silenceMs: number;
  readonly maxBytes: number;
  readonly maxHeaderBytes: number;
}

/**
 * Sends one request over a connection of its own, which ends with the answer.
 *
 * @throws DocumentUnavailable, DocumentTimeout, DocumentTooLarge, DocumentInvalid, and what a link is
 *   refused with.
 */
export async function makeHop(
  connect: Connect,
  request: WireRequest,
  label: ServerLabel,
  bounds: HopBounds,
): Promise<HopAnswer> {
  try {
    const { socket, reads } = await connect(bounds.signal);
    const { maxHeaderBytes, silenceMs } = bounds;
    const options = { host: label.host, maxHeaderBytes, silenceMs, keepAliveMs: 0 };
    const http = new HttpConnection(socket, reads, options);
    try {
      return await answerTo(http, request, label, bounds);
    } finally {
      socket.destroy();
    }
  } catch (thrown) {
    throw asDocumentError(thrown, bounds.signal);
  }
}

function answerTo(
  http: HttpConnection,
  request: WireRequest,
  label: ServerLabel,
  { signal, maxBytes }: HopBounds,
): Promise<HopAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HopAnswer>();
  const onAbort = (): void => http.abort(goneError());
  const answer = new Answer(maxBytes, resolve, (error, answering) => {
    reject(exchangeFailure(error, null, label, answering));
  });
  if (signal.aborted) throw goneError();
  signal.addEventListener('abort', onAbort);
  http.send({ ...request, longLived: false }, answer);
  return promise.finally(() => signal.removeEventListener('abort', onAbort));
}

class Answer implements ResponseReader {
  readonly #maxBytes: number;
  readonly #resolve: (answer: HopAnswer) => void;
  readonly #reject: (error: Error, answering: boolean) => void;
  readonly #body = new Gather();
  #head: WireHead | null = null;

  constructor(
    maxBytes: number,
    resolve: (answer: HopAnswer) => void,
    reject: (error: Error, answering: boolean) => void,
  ) {
    this.#maxBytes = maxBytes;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onHead(head: WireHead): void {
    this.#head = head;
    if (head.framing.kind === 'length') this.#check(head.framing.bytes);
  }

  onData(chunk: Buffer): void {
    this.#check(this.#body.length + chunk.length);
    this.#body.copy(chunk);
  }

  onEnd(): void {
    const { status = 0, headers = {} } = this.#head ?? {};
    this.#resolve({ status, headers, body: this.#body.take() });
  }

  onUnsent(): void {
    this.#reject(new Error('it closes new connections at once'), false);
  }

  onError(error: Error): void {
    this.#reject(error, this.#head !== null);
  }

  #check(bytes: number): void {
    if (bytes <= this.#maxBytes) return;
    throw new DocumentTooLarge(`the answer has more than ${formatBytes(this.#maxBytes)}`);
  }
}

function goneError(): PosternError {
  return new CallCancelled('nobody waits for the answer any more');
}

/** The failures of the same kind that servers have. */
const KINDS = [
  [UpstreamUnavailable, DocumentUnavailable],
  [UpstreamTimeout, DocumentTimeout],
  [UpstreamProtocolError, DocumentInvalid],
] as const;

function asDocumentError(thrown: unknown, { aborted, reason }: AbortSignal): unknown {
  if (thrown instanceof CallCancelled && aborted) return reason;
  const kind = KINDS.find(([ofServer]) => thrown instanceof ofServer);
  if (kind === undefined) return thrown;
  const { message, details } = thrown as PosternError;
  return new kind[1](message, { cause: thrown, details });
}
