import { InternalError, messageOf, PosternError } from '#lib';
import { errors } from 'undici';
import { UpstreamProtocolError, UpstreamTimeout, UpstreamUnavailable } from '../errors.ts';
import { tlsFailure } from './connect-errors.ts';
import type { ServerLabel } from './server-label.ts';

/**
 * Why an exchange failed, in words.
 *
 * @param thrown what undici says.
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
  if (isRefusedArgument(thrown)) return new InternalError('the request cannot be sent', options);
  if (thrown instanceof errors.HeadersTimeoutError || thrown instanceof errors.BodyTimeoutError) {
    return new UpstreamTimeout(`${server.host}: nothing came within the limit`, options);
  }
  if (isMalformed(thrown, answering)) {
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

/** Whether undici would not take the request as it was given. */
export function isRefusedArgument(thrown: Error): boolean {
  return thrown instanceof errors.InvalidArgumentError;
}

function isMalformed(thrown: Error, answering: boolean): boolean {
  return (
    // Amid the body the same error means that the rest of it did not come.
    (thrown instanceof errors.ResponseContentLengthMismatchError && !answering) ||
    thrown instanceof errors.HTTPParserError ||
    thrown instanceof errors.HeadersOverflowError ||
    ('code' in thrown && thrown.code === 'UND_ERR_SOCKET' && thrown.message.startsWith('bad '))
  );
}
