import { duplexPair } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import type { TlsOptions } from 'node:tls';
import { createServer } from 'node:tls';

const HANDSHAKE_RECORD = 0x16;

/** What OpenSSL does with a first flight; it `waits` for the rest of what is not whole. */
export type OpensslVerdict = 'answers' | 'refuses' | 'waits';

/** Gives the bytes to a TLS server in memory, where they need no time to arrive. */
export async function opensslVerdict(bytes: Buffer, options: TlsOptions): Promise<OpensslVerdict> {
  const server = createServer(options);
  const over = new Promise<Error & { code?: string }>((resolve) => {
    server.once('tlsClientError', resolve);
  });
  const [near, far] = duplexPair();
  const answer: Buffer[] = [];
  near.on('data', (chunk: Buffer) => answer.push(chunk));
  near.on('error', () => undefined);
  server.emit('connection', far);
  // The callback comes when the server has taken the bytes; what it answers comes a turn later.
  await new Promise((resolve) => near.write(bytes, resolve));
  await turn();
  await turn();
  far.destroy();
  const { code = '' } = await over;
  near.destroy();
  if (Buffer.concat(answer)[0] === HANDSHAKE_RECORD) return 'answers';
  return code.startsWith('ERR_SSL') ? 'refuses' : 'waits';
}
