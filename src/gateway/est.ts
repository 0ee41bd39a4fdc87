/**
 * Enrolment over Secure Transport (RFC 7030): the CA's certificates, a client's first certificate for
 * a token, and the next one for the certificate that it has.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { TlsLink } from '#crypto';
import type { EnrolmentDesk, IssuedByRequest } from '#identity';
import { clientAlgorithmOf, derOf, TokenRefused } from '#identity';
import type { EventSink, Limits, PosternError } from '#lib';
import { messageOf, toPosternError } from '#lib';
import type { SingleHeaders } from '#mcp';
import { FrameTooLarge } from '#mcp';
import { identify } from '#pipeline';
import type { HttpExchange } from '#transport';
import type { BodyRoom } from './body.ts';
import { readBody } from './body.ts';
import {
  EnrolmentRefused,
  MediaTypeRefused,
  MethodNotAllowed,
  PathUnknown,
  Stopping,
} from './errors.ts';
import type { EstAnswer } from './est-answer.ts';
import { certificateAnswer, refusalAnswer } from './est-answer.ts';
import { basicCredentials } from './est-credentials.ts';
import type { HostNames } from './http-guard.ts';
import { checkOrigin, mediaType, singleHeaders } from './http-guard.ts';
import { HttpSink } from './http-sink.ts';
import type { Admission } from './overload/admission.ts';
import { callerName } from './overload/caller-name.ts';
import { overloaded } from './overload/refusal.ts';

/** What answering needs. */
export interface EstParts {
  readonly desk: EnrolmentDesk;
  readonly limits: Limits;
  readonly events: EventSink;
  readonly trustDomain: string;
  /** PEM of the roots in force. */
  readonly caPem: () => string;
  readonly admission: Admission;
}

/** Where a request came in, and over what. */
export interface EstEntrance {
  readonly listener: string;
  readonly names: HostNames;
  readonly link: TlsLink;
}

const BASE = '/.well-known/est/';

/** A request with an ML-DSA-87 key has some 10 KB in base64. */
const MAX_REQUEST_BYTES = 64 * 1024;

/** Whether a path is one of EST's, known or not (RFC 7030 §3.2.2). */
export function isEstPath(target: string): boolean {
  return target.startsWith(BASE);
}

/** Answers the requests of clients that enrol. */
export class Est {
  readonly #parts: EstParts;
  readonly #inFlight = new Set<Promise<void>>();
  #stopping = false;

  constructor(parts: EstParts) {
    this.#parts = parts;
  }

  /** Answers one request. Never throws. */
  handle(exchange: HttpExchange, entrance: EstEntrance): void {
    const answered = this.#respond(exchange, entrance).finally(() =>
      this.#inFlight.delete(answered),
    );
    this.#inFlight.add(answered);
  }

  /** Refuses new requests, and waits for those at work: they may have used a token up. */
  async drain(timeoutMs: number): Promise<void> {
    this.#stopping = true;
    const answered = Promise.all(this.#inFlight);
    await Promise.race([answered, delay(timeoutMs, undefined, { ref: false })]);
    this.#parts.desk.close();
  }

  async #respond(exchange: HttpExchange, entrance: EstEntrance): Promise<void> {
    const { socket } = exchange;
    const sink = new HttpSink(exchange, this.#parts.limits);
    const place = this.#parts.admission.enter(callerName(entrance.link, socket.remoteAddress));
    try {
      if (typeof place === 'string') throw overloaded(place);
      if (this.#stopping) throw new Stopping('the gateway is shutting down');
      const { headers, body } = await this.#answer(exchange, entrance, place);
      sink.whole(200, headers, body);
    } catch (thrown) {
      const error = toPosternError(thrown);
      this.#tellRefused(exchange, entrance, error, thrown);
      if (exchange.isLost) return;
      const { headers, body } = refusalAnswer(error);
      sink.whole(error.httpStatus, headers, body);
    } finally {
      if (typeof place !== 'string') place.leave();
    }
  }

  #answer(
    exchange: HttpExchange,
    entrance: EstEntrance,
    room: BodyRoom,
  ): Promise<EstAnswer> | EstAnswer {
    const headers = singleHeaders(exchange);
    checkOrigin(headers, entrance.names);
    switch (exchange.target.slice(BASE.length)) {
      case 'cacerts':
        requireMethod(exchange, 'GET');
        return certificateAnswer(derOf(this.#parts.caPem()));
      case 'simpleenroll':
        requireMethod(exchange, 'POST');
        return this.#enrol(exchange, headers, entrance, room);
      case 'simplereenroll':
        requireMethod(exchange, 'POST');
        return this.#reenrol(exchange, headers, entrance, room);
      default:
        throw new PathUnknown('this is no path of EST that the gateway has', {
          hint: 'It has cacerts, simpleenroll and simplereenroll, without a label.',
        });
    }
  }

  async #enrol(
    exchange: HttpExchange,
    headers: SingleHeaders,
    entrance: EstEntrance,
    room: BodyRoom,
  ): Promise<EstAnswer> {
    const { desk } = this.#parts;
    const credentials = basicCredentials(headers);
    const grant = credentials === null ? null : await desk.find(credentials.password);
    if (grant === null || !['', grant.name].includes(credentials?.user ?? '')) {
      throw new TokenRefused('no valid enrolment token was shown');
    }
    const issued = await desk.enrol(grant, await this.#readRequest(exchange, headers, room));
    this.#tellIssued('identity.enrolled', issued, exchange, entrance);
    return certificateAnswer(issued.chain);
  }

  /** The handshake has proved that the client has the key of the certificate that it renews. */
  async #reenrol(
    exchange: HttpExchange,
    headers: SingleHeaders,
    entrance: EstEntrance,
    room: BodyRoom,
  ): Promise<EstAnswer> {
    const { desk, trustDomain } = this.#parts;
    const { link } = entrance;
    const { name } = identify({ clientLink: link, token: null }, trustDomain, Date.now());
    const algorithm = clientAlgorithmOf(link.peerSignature);
    if (link.peer === null || algorithm === undefined) {
      throw new EnrolmentRefused('the connection shows no client certificate to renew');
    }
    const body = await this.#readRequest(exchange, headers, room);
    const { fingerprint256, serialNumber } = link.peer;
    const issued = await desk.renew({ name, algorithm }, body, { fingerprint256, serialNumber });
    this.#tellIssued('identity.renewed_client', issued, exchange, entrance);
    return certificateAnswer(issued.chain);
  }

  /** The body as DER (RFC 7030 §4.2.1, RFC 8951 §2). */
  async #readRequest(
    exchange: HttpExchange,
    headers: SingleHeaders,
    room: BodyRoom,
  ): Promise<Buffer> {
    const plain = ['identity', undefined].includes(headers['content-encoding']?.toLowerCase());
    if (mediaType(headers['content-type']) !== 'application/pkcs10' || !plain) {
      throw new MediaTypeRefused('the body is not application/pkcs10', {
        hint: 'Send Content-Type: application/pkcs10, uncompressed: base64 without PEM lines.',
      });
    }
    try {
      const body = await readBody(exchange, MAX_REQUEST_BYTES, room);
      return Buffer.from(body.toString('latin1'), 'base64');
    } catch (thrown) {
      if (!(thrown instanceof FrameTooLarge)) throw thrown;
      // The general hint speaks of a limit that can be raised; this one cannot.
      const hint = 'A PKCS#10 request has some 10 KiB at most.';
      throw new FrameTooLarge(thrown.message, { hint, details: thrown.details });
    }
  }

  #tellIssued(
    name: string,
    issued: IssuedByRequest,
    { socket }: HttpExchange,
    { listener }: EstEntrance,
  ): void {
    this.#parts.events({
      severity: 'info',
      name,
      message: `issued a certificate to ${issued.name}`,
      fields: {
        client: issued.name,
        spiffe_id: issued.spiffeId,
        algorithm: issued.algorithm,
        serial: issued.serial,
        fingerprint: issued.fingerprint256,
        not_after: new Date(issued.notAfterMs).toISOString(),
        source: socket.remoteAddress,
        listener,
      },
    });
  }

  #tellRefused(
    { socket, target, method }: HttpExchange,
    { listener }: EstEntrance,
    error: PosternError,
    thrown: unknown,
  ): void {
    this.#parts.events({
      severity: error.httpStatus === 500 ? 'error' : 'warn',
      name: 'identity.enrolment_refused',
      message: messageOf(thrown),
      fields: {
        code: error.code,
        source: socket.remoteAddress,
        listener,
        method,
        path: target.slice(0, 80),
      },
    });
  }
}

function requireMethod({ method }: HttpExchange, wanted: 'GET' | 'POST'): void {
  if (method === wanted) return;
  throw new MethodNotAllowed(`this path has ${wanted} alone`, {
    hint: `Use ${wanted}.`,
    details: { allow: wanted },
  });
}
