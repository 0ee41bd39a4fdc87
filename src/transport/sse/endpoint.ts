import { UpstreamProtocolError } from '../errors.ts';

/** Longer than any in use: a path and a session id in the query. */
const MAX_LENGTH = 4096;

/**
 * Path and query to which messages are POSTed, as the server's `endpoint` event names it (2024-11-05,
 * HTTP with SSE): relative to the URL of the stream, and on its origin. Anywhere else the messages
 * and the gateway's credentials would go to whom the server chooses.
 *
 * @throws UpstreamProtocolError
 */
export function endpointPath(data: Buffer | null, stream: URL): string {
  const text = data?.toString('utf8') ?? '';
  if (text.length === 0 || text.length > MAX_LENGTH) {
    throw unusable(`it has ${text.length} characters, of at least 1 and at most ${MAX_LENGTH}`);
  }
  const endpoint = URL.parse(text, stream.href);
  if (endpoint === null) throw unusable('it is no URI');
  if (endpoint.origin !== stream.origin) {
    throw unusable(`it is on ${endpoint.origin}, and the stream on ${stream.origin}`);
  }
  if (endpoint.username !== '' || endpoint.password !== '') throw unusable('it has credentials');
  return endpoint.pathname + endpoint.search;
}

function unusable(reason: string): Error {
  return new UpstreamProtocolError(
    `the server names an endpoint for messages that is not used: ${reason}`,
    { hint: 'Have the server name a path of its own; behind a proxy, set its public URL.' },
  );
}
