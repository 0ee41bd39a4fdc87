/** What the two kinds of responses of an HTTP+SSE server (2024-11-05) must look like. */
import type { IncomingHttpHeaders } from 'node:http';
import { SessionNotFound, UpstreamProtocolError, UpstreamUnavailable } from '../errors.ts';
import type { ResponseHead } from '../http/response-head.ts';
import { checkEncoding, checkStatus, mediaTypeOf } from '../http/response-head.ts';

/**
 * Judges the response to the GET that opens the event stream.
 *
 * @throws UpstreamProtocolError, UpstreamCredentialsRefused, UpstreamUnavailable
 */
export function streamHead(status: number, headers: IncomingHttpHeaders): ResponseHead {
  checkStatus(status, headers);
  if (status >= 500) throw broken(status);
  const media = mediaTypeOf(status, headers);
  if (status !== 200 || media !== 'text/event-stream') {
    const what = media === null ? `${status}` : `${status} and ${media}`;
    throw new UpstreamProtocolError(`the server answers the GET with ${what}, not with events`, {
      details: { status },
      hint: 'Configure the URL of the event stream, often /sse; a server that speaks Streamable HTTP belongs under `http:`.',
    });
  }
  checkEncoding(status, headers);
  return { status, body: 'events', sessionId: null, contentLength: 0 };
}

/**
 * Judges the response to a POST. Its body, if any, is no message: answers come on the stream.
 *
 * @throws SessionNotFound when the endpoint is gone, UpstreamProtocolError when the server refuses
 *   the message, UpstreamCredentialsRefused, UpstreamUnavailable.
 */
export function acknowledgementHead(status: number, headers: IncomingHttpHeaders): ResponseHead {
  checkStatus(status, headers);
  if (status === 404) throw new SessionNotFound('the server has forgotten the session');
  if (status >= 500) throw broken(status);
  if (status >= 400) {
    throw new UpstreamProtocolError(`the server refuses the message with ${status}`, {
      details: { status },
    });
  }
  return { status, body: 'nothing', sessionId: null, contentLength: 0 };
}

function broken(status: number): Error {
  return new UpstreamUnavailable(`the server answers with ${status}`, { details: { status } });
}
