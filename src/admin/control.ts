import { chmod, rm } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { EventSink, Severity } from '#lib';
import { Gather, messageOf, parseJson, toPosternError } from '#lib';
import { ControlRequestInvalid } from './errors.ts';

/** Does what a request asks for; what it throws or returns is the answer. */
export type ControlRoute = (input: unknown) => unknown;

/** The control socket, open. */
export interface ControlServer {
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 64 * 1024;
const REQUEST_TIMEOUT_MS = 5000;
/** Of `sun_path`, with its end; longer paths cannot be bound (unix(7)). */
const MAX_PATH_BYTES = 107;

/**
 * Opens a Unix socket on which this user's commands speak to the running gateway: HTTP/1.1 with JSON
 * both ways. Who may enter the directory that it is in may do what it offers.
 *
 * Without it everything else goes on: a gateway that cannot have the socket tells of it and returns
 * `null`. On one state directory the first gateway has it.
 *
 * @param routes by method and path, `POST /rollout/start`
 */
export async function openControl(
  path: string,
  routes: ReadonlyMap<string, ControlRoute>,
  events: EventSink,
): Promise<ControlServer | null> {
  const unavailable = (why: string, severity: Severity = 'warn'): null => {
    events({
      severity,
      name: 'control.unavailable',
      message: `commands cannot reach this gateway: ${why}`,
      fields: { socket: path },
    });
    return null;
  };
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    return unavailable(`the path of its socket is longer than ${MAX_PATH_BYTES} bytes`);
  }
  if (await isAnswered(path))
    return unavailable('another gateway has the state directory’s socket');
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: REQUEST_TIMEOUT_MS / 5 },
    (request, response) => void answer(request, response, routes),
  );
  server.maxConnections = 16;
  try {
    // Left behind by a gateway that was killed.
    await rm(path, { force: true });
    await listen(server, path);
    await chmod(path, 0o600);
  } catch (thrown) {
    server.close();
    return unavailable(messageOf(thrown));
  }
  return { close: () => close(server) };
}

/** Whether a program listens at a socket. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    // Anything else than nobody may be a gateway that is busy.
    socket.once('error', (error: NodeJS.ErrnoException) => {
      resolve(!['ENOENT', 'ECONNREFUSED', 'ENOTSOCK'].includes(error.code ?? ''));
    });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Node removes the socket's file. */
function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  routes: ReadonlyMap<string, ControlRoute>,
): Promise<void> {
  try {
    const name = `${request.method} ${request.url}`;
    const route = routes.get(name);
    if (route === undefined) throw new ControlRequestInvalid(`there is no ${name}`);
    send(response, 200, await route(await readJson(request)));
  } catch (thrown) {
    const { code, message, hint, details, httpStatus } = toPosternError(thrown);
    send(response, httpStatus, { error: { code, message, hint, details } });
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const body = new Gather();
  for await (const chunk of request) {
    body.append(chunk as Buffer);
    if (body.length > MAX_BODY_BYTES) throw new ControlRequestInvalid('the request is too large');
  }
  if (body.length === 0) return null;
  try {
    return parseJson(body.take().toString('utf8'));
  } catch (cause) {
    throw new ControlRequestInvalid('the request is no JSON', { cause });
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const text = `${JSON.stringify(body ?? null)}\n`;
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(text);
}
