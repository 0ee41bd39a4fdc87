/** Requests that are spoiled at random, and what Node.js reads of them. */
import { createServer } from 'node:http';
import { Duplex } from 'node:stream';
import { RequestParser } from './request-parser.ts';

const WHOLE = [
  'POST /servers/a/mcp HTTP/1.1\r\nHost: a:1\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"a":"b c"}',
  'POST /mcp HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: keep-alive\r\n\r\n' +
    '5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nx-sum: 1\r\n\r\n',
  'GET /mcp?x=%20|{y} HTTP/1.1\r\nHost: a\r\naccept: text/event-stream\r\nx: 1\r\nx: 2\r\n\r\n',
  'DELETE /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nMcp-Session-Id: abc\r\n\r\n',
  'GET /sse HTTP/1.0\r\nconnection: keep-alive\r\n\r\n',
  'OPTIONS /mcp HTTP/1.1\r\nHost: a\r\nOrigin: https://a\r\nconnection: close\r\n\r\n',
];
const PARTS = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  ';',
  ',',
  '\x7f',
  '\xff',
  '0',
  '1',
  '5',
  'a',
  '#',
  '0\r\n\r\n',
  'content-length: 1\r\n',
  'Content-Length: 11\r\n',
  'Content-Length : 11\r\n',
  'transfer-encoding: chunked\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Transfer-Encoding:\r\n chunked\r\n',
  ' folded\r\n',
  'host: b\r\n',
  'connection: close\r\n',
  'connection: upgrade\r\nupgrade: websocket\r\n',
  'expect: 100-continue\r\n',
  'x: y\r\n',
  'GET / HTTP/1.1\r\nhost: a\r\n\r\n',
];

/** What was read of a request. */
export interface Reading {
  readonly method: string;
  readonly target: string;
  readonly fields: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** Texts of a few requests each, most of them spoiled. */
export function spoiledRequests(random: () => number): () => string {
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = (texts: readonly string[]): string => texts[below(texts.length)] as string;
  const spoil = (text: string): string => {
    const at = below(text.length + 1);
    const [before, behind] = [text.slice(0, at), text.slice(at)];
    const kind = below(5);
    if (kind === 0) return before + behind.slice(1 + below(3));
    if (kind === 1) return before + String.fromCharCode(below(256)) + behind.slice(1);
    if (kind === 2) return text + pick(WHOLE);
    return before + pick(PARTS) + (kind === 3 ? behind : pick(WHOLE).slice(below(60)));
  };
  return () => {
    let text = pick(WHOLE);
    for (let times = below(4); times > 0; times -= 1) text = spoil(text);
    return text;
  };
}

/** Reads the requests in a text as Node.js does; it must end with a whole one. */
export function nodeReader(): (text: string) => Promise<Reading[]> {
  const server = createServer({ insecureHTTPParser: false, requireHostHeader: true });
  let readings: Reading[] = [];
  server.on('request', (request, response) => {
    let body = '';
    request.setEncoding('latin1');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const { method = '', url = '', headersDistinct } = request;
      const fields = Object.fromEntries(
        Object.entries(headersDistinct).map(([name, values]) => [name, values?.join(', ')]),
      );
      readings.push({ method, target: url, fields, body });
      response.end();
    });
  });
  server.on('clientError', (_error, socket) => socket.destroy());
  for (const expected of ['checkContinue', 'checkExpectation']) {
    server.on(expected, (request, response) => server.emit('request', request, response));
  }
  return (text) =>
    new Promise((resolve) => {
      readings = [];
      const connection = new Duplex({
        read: () => undefined,
        write: (_chunk, _encoding, callback) => callback(),
      });
      connection.on('close', () => resolve(readings));
      server.emit('connection', connection);
      connection.push(Buffer.from(text, 'latin1'));
      connection.push(null);
    });
}

/**
 * The requests up to the first that is refused or not whole, or ends the connection; their length; and
 * whether one was refused.
 *
 * @param endsWithUpgrade a request for an upgrade is the last.
 */
export function readRequests(
  text: string,
  endsWithUpgrade: boolean,
): {
  readings: Reading[];
  taken: number;
  isRefused: boolean;
} {
  const readings: Reading[] = [];
  let head = { method: '', target: '', fields: {} };
  let body = '';
  const way = { isOver: false };
  const parser = new RequestParser(
    {
      onHead: ({ method, target, headers, keepAlive }) => {
        head = { method, target, fields: { ...headers } };
        body = '';
        way.isOver = !keepAlive || (endsWithUpgrade && headers['upgrade'] !== undefined);
      },
      onData: (chunk) => (body += chunk.toString('latin1')),
      onEnd: () => readings.push({ ...head, body }),
    },
    16_384,
  );
  const bytes = Buffer.from(text, 'latin1');
  let at = 0;
  let taken = 0;
  let isRefused = false;
  try {
    while (at < bytes.length && !way.isOver) {
      at += parser.push(bytes.subarray(at));
      if (!parser.isAmid) taken = at;
    }
  } catch {
    // What came whole before counts.
    isRefused = true;
  }
  return { readings, taken, isRefused };
}
