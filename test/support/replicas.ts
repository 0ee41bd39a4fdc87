/** Several servers that answer alike, for tests of upstreams with several endpoints. */
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { TestContext } from 'node:test';
import { ANSWER, listen } from './http-upstream.ts';

/** One of them. */
export interface Replica {
  readonly url: string;
  /** Requests that have arrived. */
  readonly seen: IncomingMessage[];
  /** How it answers from now on. */
  behave(answer: Answer): void;
  /** Ends its connections and listens no more. */
  stop(): Promise<void>;
  /** Listens again, where it did. */
  start(): Promise<void>;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** Answers as a server does that is well. */
export const wellAnswer: Answer = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end(ANSWER);
};

/** Closes the connection, having taken the request. */
export const lostAnswer: Answer = (request) => request.socket.destroy();

/** Answers with a status and nothing else. */
export function statusAnswer(status: number, headers: Record<string, string> = {}): Answer {
  return (_request, response) => response.writeHead(status, headers).end();
}

/** Starts servers that end with the test. */
export function startReplicas<const Names extends readonly string[]>(
  t: TestContext,
  ...names: Names
): Promise<{ readonly [Index in keyof Names]: Replica }> {
  const started = Promise.all(names.map((name) => startReplica(t, name)));
  return started as unknown as Promise<{ readonly [Index in keyof Names]: Replica }>;
}

async function startReplica(t: TestContext, name: string): Promise<Replica> {
  const seen: IncomingMessage[] = [];
  let answer = wellAnswer;
  const server: Server = createServer((request, response) => {
    seen.push(request);
    request.resume();
    request.once('end', () => answer(request, response));
  });
  const port = await listen(t, server);
  return {
    url: `http://127.0.0.1:${port}/${name}`,
    seen,
    behave: (other) => {
      answer = other;
    },
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
    start: async () => {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
  };
}
