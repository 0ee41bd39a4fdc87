import { InternalError, messageOf, PosternError } from '#lib';
import { UpstreamProtocolError, UpstreamTimeout, UpstreamUnavailable } from '../errors.ts';
import { tlsFailure } from './connect-errors.ts';
import type { ServerLabel } from './server-label.ts';
import { SilentConnection } from './wire/http-connection.ts';
import { MalformedMessage } from './wire/malformed.ts';

/**
 * Why an exchange failed, in words.
 *
 * @param thrown what the connection says.
 * @param socketError what the socket said first.
 * @param answering the response had begun.
 */
export function exchangeFailure(
  thrown: Error,
  socketError: Error | null,
  server: ServerLabel,
  answering: boolean,
): PosternError {
  if (thrown instanceof PosternError) return thrown;
  const options = { cause: thrown };
  if (thrown instanceof TypeError) return new InternalError('the request cannot be sent', options);
  if (thrown instanceof SilentConnection) {
    return new UpstreamTimeout(`${server.host}: nothing came within the limit`, options);
  }
  if (thrown instanceof MalformedMessage) {
    const message = `${server.host}: the reply is not HTTP/1.1: ${messageOf(thrown)}`;
    return new UpstreamProtocolError(message, options);
  }
  const when = answering ? 'amid its reply' : 'before it answered';
  return (
    tlsFailure(socketError ?? thrown, server) ??
    new UpstreamUnavailable(
      `${server.host}: the connection ended ${when}: ${messageOf(thrown)}`,
      options,
    )
  );
}
