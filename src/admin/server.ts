import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AdminListenFailed } from './errors.ts';

/** What the admin port reports. */
export interface AdminSource {
  /** Whether calls are taken now. */
  ready(): boolean;
  /** Facts for people and probes: JSON values only, nothing secret. */
  status(): Promise<Record<string, unknown>>;
  /** Counts, in the text format of Prometheus. */
  metrics(): Promise<string>;
}

/** The admin port, open. */
export interface AdminServer {
  readonly address: AddressInfo;
  close(): Promise<void>;
}

/**
 * Opens the admin port: `GET /healthz` says that the process lives, `GET /readyz` whether it takes
 * calls (200 or 503), `GET /metrics` what it has counted. It has no authentication, so configuration binds it to loopback alone.
 *
 * @throws AdminListenFailed when the port cannot be opened.
 */
export function openAdmin(host: string, port: number, source: AdminSource): Promise<AdminServer> {
  const server = createServer(
    { maxHeaderSize: 8192, requestTimeout: 5000 },
    (request, response) => void respond(request, response, source),
  );
  server.maxConnections = 64;
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new AdminListenFailed(`admin port ${host}:${port}: ${cause.message}`, { cause }));
    });
    server.listen({ host, port }, () => {
      resolve({
        address: server.address() as AddressInfo,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      });
    });
  });
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  source: AdminSource,
): Promise<void> {
  const path = request.url?.split('?', 1)[0];
  if (!isLocal(request)) answer(response, 403, {});
  else if (request.method !== 'GET' && request.method !== 'HEAD') answer(response, 405, {});
  else if (path === '/healthz') answer(response, 200, { status: 'ok' });
  else if (path === '/readyz') {
    const status = await source.status();
    const ready = source.ready();
    answer(response, ready ? 200 : 503, { ready, ...status });
  } else if (path === '/metrics') {
    const text = await source.metrics();
    send(response, 200, 'text/plain; version=0.0.4; charset=utf-8', text);
  } else answer(response, 404, { paths: ['/healthz', '/readyz', '/metrics'] });
}

/** Web pages that rebind their name to this address come with their own Host or an Origin. */
function isLocal({ headers }: IncomingMessage): boolean {
  const host = headers.host?.replace(/:\d+$/, '');
  const local = host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host ?? '');
  return local && headers.origin === undefined;
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  send(response, status, 'application/json', `${JSON.stringify(body)}\n`);
}

function send(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
  });
  response.end(text);
}
