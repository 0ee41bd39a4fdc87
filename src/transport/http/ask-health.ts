import { UpstreamTimeout, UpstreamUnavailable } from '../errors.ts';
import type { Connect } from './connect.ts';
import { HttpConnection } from './wire/http-connection.ts';

interface AskOptions {
  /** Of the URL, with the port unless that is the scheme's own. */
  readonly host: string;
  /** Path and query. */
  readonly path: string;
  /** For the head of the response. */
  readonly timeoutMs: number;
  readonly maxHeaderBytes: number;
}

/**
 * Asks a server by a GET, without the gateway's credentials, whether it is well. Whatever follows the
 * head of its response is for nobody: the connection is to be closed afterwards.
 *
 * @throws UpstreamUnavailable for a status other than 200 to 399, UpstreamTimeout, and what the
 *   connection says.
 */
export function askHealth(
  { socket, reads, greeting }: Awaited<ReturnType<Connect>>,
  { host, path, timeoutMs, maxHeaderBytes }: AskOptions,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const times = { silenceMs: timeoutMs, keepAliveMs: timeoutMs };
    const connection = new HttpConnection(socket, reads, { host, maxHeaderBytes, ...times });
    const patience = setTimeout(() => {
      connection.abort(new UpstreamTimeout(`${host}${path}: no answer within ${timeoutMs} ms`));
    }, timeoutMs);
    const lost = (error: Error): void => {
      clearTimeout(patience);
      reject(error);
    };
    const headers = ['user-agent', 'postern', 'accept', '*/*', ...greeting];
    connection.send(
      { method: 'GET', path, headers, body: null, longLived: false },
      {
        onHead: ({ status }) => {
          clearTimeout(patience);
          if (status >= 200 && status < 400) resolve();
          else reject(new UpstreamUnavailable(`${host}${path} answers with ${status}`));
        },
        onData: () => undefined,
        onEnd: () => undefined,
        onUnsent: () => lost(new UpstreamUnavailable(`${host}: it closes new connections at once`)),
        onError: lost,
      },
    );
  });
}
