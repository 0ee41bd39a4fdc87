/**
 * Enrolment over Secure Transport (RFC 7030): the CA's certificates, a client's first certificate for
 * a token, and the next one for the certificate that it has.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { TlsLink } from '#crypto';
import type { EnrolmentDesk, IssuedByRequest } from '#identity';
import { clientAlgorithmOf, derOf, TokenRefused } from '#identity';
import type { EventSink, Limits, PosternError } from '#lib';
import { messageOf, toPosternError } from '#lib';
import type { SingleHeaders } from '#mcp';
import { FrameTooLarge } from '#mcp';
import { identify } from '#pipeline';
import type { BodyRoom } from './body.ts';
import { readBody } from './body.ts';
import {
  EnrolmentRefused,
  MediaTypeRefused,
  MethodNotAllowed,
  Overloaded,
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
export function isEstPath(url: string | undefined): boolean {
  return url?.startsWith(BASE) === true;
}

/** Answers the requests of clients that enrol. */
export class Est {
  readonly #parts: EstParts;
  /** Connections with a request at work: who asks for certificates has no reason to pipeline. */
  readonly #busy = new WeakSet<Socket>();
  readonly #inFlight = new Set<Promise<void>>();
  #stopping = false;

  constructor(parts: EstParts) {
    this.#parts = parts;
  }

  /** Answers one request. Never throws. */
  handle(request: IncomingMessage, response: ServerResponse, entrance: EstEntrance): void {
    const answered = this.#respond(request, response, entrance).finally(() =>
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

  async #respond(
    request: IncomingMessage,
    response: ServerResponse,
    entrance: EstEntrance,
  ): Promise<void> {
    const { socket } = request;
    const sink = new HttpSink(response, this.#parts.limits);
    const mayBegin = !this.#busy.has(socket);
    this.#busy.add(socket);
    const place = this.#parts.admission.enter(callerName(entrance.link, socket.remoteAddress));
    try {
      if (typeof place === 'string') throw overloaded(place);
      if (this.#stopping) throw new Stopping('the gateway is shutting down');
      if (!mayBegin) throw new Overloaded('one request at a time on one connection');
      const { headers, body } = await this.#answer(request, entrance, place);
      sink.whole(200, headers, body);
    } catch (thrown) {
      const error = toPosternError(thrown);
      this.#tellRefused(request, entrance, error, thrown);
      if (response.destroyed) return;
      const { headers, body } = refusalAnswer(error);
      sink.whole(error.httpStatus, headers, body);
    } finally {
      if (typeof place !== 'string') place.leave();
      if (mayBegin) this.#busy.delete(socket);
    }
  }

  #answer(
    request: IncomingMessage,
    entrance: EstEntrance,
    room: BodyRoom,
  ): Promise<EstAnswer> | EstAnswer {
    const headers = singleHeaders(request);
    checkOrigin(headers, entrance.names);
    switch (request.url?.slice(BASE.length)) {
      case 'cacerts':
        requireMethod(request, 'GET');
        return certificateAnswer(derOf(this.#parts.caPem()));
      case 'simpleenroll':
        requireMethod(request, 'POST');
        return this.#enrol(request, headers, entrance, room);
      case 'simplereenroll':
        requireMethod(request, 'POST');
        return this.#reenrol(request, headers, entrance, room);
      default:
        throw new PathUnknown('this is no path of EST that the gateway has', {
          hint: 'It has cacerts, simpleenroll and simplereenroll, without a label.',
        });
    }
  }

  async #enrol(
    request: IncomingMessage,
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
    const issued = await desk.enrol(grant, await this.#readRequest(request, headers, room));
    this.#tellIssued('identity.enrolled', issued, request, entrance);
    return certificateAnswer(issued.chain);
  }

  /** The handshake has proved that the client has the key of the certificate that it renews. */
  async #reenrol(
    request: IncomingMessage,
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
    const body = await this.#readRequest(request, headers, room);
    const { fingerprint256, serialNumber } = link.peer;
    const issued = await desk.renew({ name, algorithm }, body, { fingerprint256, serialNumber });
    this.#tellIssued('identity.renewed_client', issued, request, entrance);
    return certificateAnswer(issued.chain);
  }

  /** The body as DER (RFC 7030 §4.2.1, RFC 8951 §2). */
  async #readRequest(
    request: IncomingMessage,
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
      const body = await readBody(request, MAX_REQUEST_BYTES, room);
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
    { socket }: IncomingMessage,
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
    { socket, url, method }: IncomingMessage,
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
        path: url?.slice(0, 80),
      },
    });
  }
}

function requireMethod({ method }: IncomingMessage, wanted: 'GET' | 'POST'): void {
  if (method === wanted) return;
  throw new MethodNotAllowed(`this path has ${wanted} alone`, {
    hint: `Use ${wanted}.`,
    details: { allow: wanted },
  });
}
