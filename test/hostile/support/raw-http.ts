/** HTTP over TLS byte by byte, for what no HTTP client would send. */
import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { connect } from 'node:tls';
import { until } from '../../support/until.ts';
import type { TestPostern } from '../../support/postern.ts';

/** One HTTP response. */
export interface RawResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A connection to the first listener, over ML-KEM. */
export class RawConnection {
  readonly socket: TLSSocket;
  #received = '';
  #closed = false;

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.#received += text;
    });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#closed = true;
    });
  }

  static async open(postern: TestPostern): Promise<RawConnection> {
    const { port } = new URL(postern.endpoint);
    const socket = connect({
      host: '127.0.0.1',
      port: Number(port),
      ca: postern.ca,
      ecdhCurve: 'X25519MLKEM768',
      ALPNProtocols: ['http/1.1'],
    });
    const connection = new RawConnection(socket);
    await once(socket, 'secureConnect');
    return connection;
  }

  /** Everything received and not yet taken by {@link response}. */
  get received(): string {
    return this.#received;
  }

  get closed(): boolean {
    return this.#closed;
  }

  write(bytes: Buffer | string): void {
    if (!this.#closed) this.socket.write(bytes);
  }

  /** The next response, `null` when the connection closes without one. */
  async response(): Promise<RawResponse | null> {
    let parsed: Parsed | null = null;
    await until('a response or the end of the connection', () => {
      parsed = parse(this.#received);
      return parsed !== null || this.#closed;
    });
    const found = parsed as Parsed | null;
    if (found === null) return null;
    this.#received = this.#received.slice(found.length);
    return found.response;
  }

  async close(): Promise<void> {
    this.socket.destroy();
    await until('the connection is closed', () => this.#closed);
  }
}

/** Sends bytes on a connection of their own and gives the first response to them. */
export async function answerTo(
  postern: TestPostern,
  bytes: Buffer | string,
): Promise<RawResponse | null> {
  const connection = await RawConnection.open(postern);
  connection.write(bytes);
  const response = await connection.response();
  await connection.close();
  return response;
}

interface Parsed {
  readonly response: RawResponse;
  readonly length: number;
}

/** The first response in a text that is no interim one; `null` while it is not whole. */
function parse(text: string): Parsed | null {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]);
  if (Number.isNaN(status)) throw new Error(`no HTTP response: ${statusLine}`);
  const start = end + 4;
  if (status < 200) {
    const next = parse(text.slice(start));
    return next === null ? null : { ...next, length: start + next.length };
  }
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const length = bodyLength(text.slice(start), headers);
  if (length === null || text.length < start + length) return null;
  const body = text.slice(start, start + length);
  return { response: { status, headers, body }, length: start + length };
}

function bodyLength(rest: string, headers: Readonly<Record<string, string>>): number | null {
  if (headers['transfer-encoding'] !== 'chunked') return Number(headers['content-length'] ?? 0);
  const last = rest.indexOf('0\r\n\r\n');
  return last === -1 ? null : last + 5;
}
