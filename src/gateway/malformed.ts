import type { Server, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { newCallId } from '#audit';
import type { EventSink, PosternError } from '#lib';
import { Slots } from '#lib';
import { rpcErrorBytes } from '#mcp';
import { HeadersTooLarge, MethodNotAllowed, RequestRefused, RequestTooSlow } from './errors.ts';

/** How long a refused client may take to read its answer. */
export const LINGER_MS = 1000;

interface RefusalOptions {
  /** Of the listener. */
  readonly name: string;
  readonly events: EventSink;
}

/**
 * Answers what Node's HTTP parser refuses or waits for in vain, and tells of it: by itself Node
 * leaves no trace of such attempts. The connection ends with the answer, since nothing after a
 * malformed request can be trusted.
 */
export function refuseMalformed(server: Server, options: RefusalOptions): void {
  const unanswered = new WeakMap<Socket, Slots<ServerResponse>>();
  const refused = new WeakSet<Socket>();
  server.prependListener('request', ({ socket }, response) => {
    let responses = unanswered.get(socket);
    if (responses === undefined) unanswered.set(socket, (responses = new Slots()));
    const slot = responses.add(response);
    response.once('close', () => responses.remove(slot));
  });
  const refuse = (socket: Socket, error: PosternError): void => {
    refused.add(socket);
    const call = newCallId();
    tell(options, socket, call, error);
    if (mayAnswer(socket, unanswered.get(socket))) answer(socket, call, error);
    else socket.destroy();
  };
  server.on('clientError', (thrown: NodeJS.ErrnoException, stream) => {
    const socket = stream as Socket;
    // What follows a refused request is read and dropped, and refused again by the parser.
    if (refused.has(socket)) return;
    if (thrown.code === 'ECONNRESET' || thrown.code === 'EPIPE') socket.destroy();
    else refuse(socket, reasonOf(thrown));
  });
  server.on('connect', (_request, stream) => {
    refuse(stream as Socket, new MethodNotAllowed('this is no proxy'));
  });
}

function reasonOf(thrown: NodeJS.ErrnoException & { reason?: string }): PosternError {
  if (thrown.code === 'HPE_HEADER_OVERFLOW') {
    return new HeadersTooLarge('the headers are too large');
  }
  if (thrown.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new RequestTooSlow('the request did not come whole in time');
  }
  return new RequestRefused('the request is not well-formed HTTP/1.1', {
    details: { reason: thrown.reason ?? thrown.code ?? 'unknown' },
  });
}

/** An answer must not be taken for that of an earlier request, nor stand in the middle of one. */
function mayAnswer(socket: Socket, unanswered: Iterable<ServerResponse> | undefined): boolean {
  const [first, ...others] = unanswered ?? [];
  if (!socket.writable || others.length > 0) return false;
  return first === undefined || (!first.req.complete && !first.headersSent);
}

function answer(socket: Socket, call: string, error: PosternError): void {
  const body = rpcErrorBytes(error, null, call);
  const head = [
    `HTTP/1.1 ${error.httpStatus} ${STATUS_CODES[error.httpStatus]}`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    ...(error.httpStatus === 405 ? ['Allow: POST, GET, DELETE'] : []),
    '\r\n',
  ].join('\r\n');
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
  socket.end(Buffer.concat([Buffer.from(head), body]));
}

function tell(options: RefusalOptions, socket: Socket, call: string, error: PosternError): void {
  options.events({
    severity: 'warn',
    name: 'request.rejected',
    message: error.message,
    fields: {
      call,
      code: error.code,
      source: socket.remoteAddress,
      listener: options.name,
      ...error.details,
    },
  });
}
