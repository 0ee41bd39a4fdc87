/** MCP servers over HTTP that answer wrongly, each on a path of its own. */
import { once } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';

/** How a server answers one request whose body has been read. */
export type Behaviour = (response: ServerResponse, id: unknown, request: IncomingMessage) => void;

const JSON_TYPE = { 'content-type': 'application/json' };
const EVENTS = { 'content-type': 'text/event-stream' };

/** A server that answers everything as it should. */
export const wellBehaved: Behaviour = (response, id) => {
  response.writeHead(id === undefined ? 202 : 200, JSON_TYPE);
  response.end(id === undefined ? '' : answer(id));
};

/** Answers, each wrong in its own way. */
export const BEHAVIOURS = {
  'closes before its answer': (response) => response.destroy(),
  'closes amid its answer': (response) => {
    response.writeHead(200, { ...JSON_TYPE, 'content-length': 1000 }).write('{"jsonrpc":');
    response.socket?.end();
  },
  'closes amid its stream': (response, id) => {
    response.writeHead(200, EVENTS).write(`data: ${progress()}\n\ndata: {"id":${String(id)}`);
    setImmediate(() => response.destroy());
  },
  'never answers': () => undefined,
  'hangs after its head': (response) => response.writeHead(200, JSON_TYPE).flushHeaders(),
  'hangs amid its stream': (response) => {
    response.writeHead(200, EVENTS).write(`data: ${progress()}\n\n`);
  },
  'sends its answer byte by byte': (response) => {
    response.writeHead(200, JSON_TYPE);
    forever(response, 20, () => response.write(' '));
  },
  'sends interim answers for ever': (response) => {
    forever(response, 20, () => response.writeProcessing());
  },
  'answers with a page': (response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>It works!</h1>');
  },
  'fails with a page': (response) => {
    response.writeHead(500, { 'content-type': 'text/html' }).end('<h1>Oh no</h1>');
  },
  'fails with other JSON': (response) => response.writeHead(500, JSON_TYPE).end('{"error":"x"}'),
  'answers another id': (response) => response.writeHead(200, JSON_TYPE).end(answer('other')),
  'answers with a request': (response) => {
    const request = '{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage"}';
    response.writeHead(200, JSON_TYPE).end(request);
  },
  'answers with a key twice': (response, id) => {
    const twice = answer(id).replace('{', '{"result":{},');
    response.writeHead(200, JSON_TYPE).end(twice);
  },
  'answers with half a message': (response, id) => {
    response.writeHead(200, JSON_TYPE).end(answer(id).slice(0, -1));
  },
  'answers compressed': (response) => {
    response.writeHead(200, { ...JSON_TYPE, 'content-encoding': 'gzip' }).end('x');
  },
  'sends endless headers': (response) => {
    response.socket?.write('HTTP/1.1 200 OK\r\n');
    forever(response, 1, () => response.socket?.write(`X-A: ${'a'.repeat(4096)}\r\n`));
  },
  'speaks another protocol': (response) => response.socket?.end('SSH-2.0-OpenSSH_9.9\r\n'),
  'frames its answer in two ways': (response) => {
    response.socket?.end(
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n' +
        'Content-Type: application/json\r\n\r\n0\r\n\r\n',
    );
  },
  'declares an answer over the limit': (response) => {
    response.writeHead(200, { ...JSON_TYPE, 'content-length': 2 ** 31 }).flushHeaders();
  },
  'sends an answer over the limit': (response) => {
    response.writeHead(200, JSON_TYPE);
    forever(response, 1, () => response.write('x'.repeat(256 * 1024)));
  },
  'sends an event over the limit': (response) => {
    response.writeHead(200, EVENTS).write('data: ');
    forever(response, 1, () => response.write('x'.repeat(256 * 1024)));
  },
  'redirects elsewhere': (response) => {
    response.writeHead(307, { location: 'http://127.0.0.1:1/elsewhere' }).end();
  },
  'wants other credentials': (response) => {
    response.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
  },
  forbids: (response) => response.writeHead(403, JSON_TYPE).end('{}'),
} as const satisfies Record<string, Behaviour>;

/** Name of a wrong answer. */
export type BehaviourName = keyof typeof BEHAVIOURS;

/** Servers on one free port of loopback. */
export interface HttpServers {
  /** URL of the server that behaves in this way. */
  url(name: BehaviourName | 'well'): string;
  close(): Promise<void>;
}

export async function startHttpServers(): Promise<HttpServers> {
  const names = Object.keys(BEHAVIOURS) as BehaviourName[];
  const server = createServer(
    reader((response, id, request) => {
      const index = Number(request.url?.slice(1));
      const name = names[index];
      const behaviour: Behaviour = name === undefined ? wellBehaved : BEHAVIOURS[name];
      behaviour(response, id, request);
    }),
  );
  const open = await listen(server);
  return {
    url: (name) => {
      const index = name === 'well' ? 'well' : names.indexOf(name);
      return `http://127.0.0.1:${open.port}/${index}`;
    },
    close: () => open.close(),
  };
}

/** Reads each request whole and hands on the id of its message. */
export function reader(behaviour: Behaviour): RequestListener {
  return (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const { id } = (text === '' ? {} : JSON.parse(text)) as { id?: unknown };
      behaviour(response, id, request);
    });
  };
}

/** An open server. */
export interface OpenServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Opens a server on a free port; `close` ends its connections too. */
export async function listen(server: Server): Promise<OpenServer> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

function answer(id: unknown): string {
  const result = { content: [], protocolVersion: '2025-11-25', capabilities: {} };
  return JSON.stringify({ jsonrpc: '2.0', id, result });
}

function progress(): string {
  return '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}';
}

function forever(response: ServerResponse, everyMs: number, act: () => unknown): void {
  const timer = setInterval(() => {
    if (response.socket === null || response.socket.destroyed) clearInterval(timer);
    else if (!response.writableNeedDrain) act();
  }, everyMs);
  response.once('close', () => clearInterval(timer));
}
