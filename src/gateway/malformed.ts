import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { newCallId } from '#audit';
import type { EventSink, PosternError } from '#lib';
import { rpcErrorBytes } from '#mcp';
import type { RequestFault } from '#transport';
import { HeadersTooLarge, MethodNotAllowed, RequestRefused, RequestTooSlow } from './errors.ts';

interface RefusalOptions {
  /** Of the listener. */
  readonly name: string;
  readonly events: EventSink;
}

/**
 * The answer to what is no HTTP, or is waited for in vain, and tells of it. The connection ends with
 * it, since nothing after a malformed request can be trusted.
 */
export function refuseMalformed(
  fault: RequestFault,
  socket: Socket,
  options: RefusalOptions,
): Buffer {
  const error = errorOf(fault);
  const call = newCallId();
  tell(options, socket, call, error);
  const body = rpcErrorBytes(error, null, call);
  const head = [
    `HTTP/1.1 ${error.httpStatus} ${STATUS_CODES[error.httpStatus]}`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    ...(error.httpStatus === 405 ? ['Allow: POST, GET, DELETE'] : []),
    '\r\n',
  ].join('\r\n');
  return Buffer.concat([Buffer.from(head), body]);
}

function errorOf({ kind, reason }: RequestFault): PosternError {
  const details = { reason };
  switch (kind) {
    case 'head_too_long':
      return new HeadersTooLarge('the headers are too large', { details });
    case 'too_slow':
      return new RequestTooSlow('the request did not come whole in time');
    case 'tunnel':
      return new MethodNotAllowed('this is no proxy');
    case 'malformed':
      return new RequestRefused('the request is not well-formed HTTP/1.1', { details });
  }
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
