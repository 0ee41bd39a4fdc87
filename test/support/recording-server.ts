import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { createServer } from 'node:tls';
import { createAuthority } from './certificates.ts';

/** A TLS server that answers every request with the same, and keeps what it was sent. */
export async function recordingServer(
  t: TestContext,
  answer: string,
): Promise<{ readonly url: string; readonly received: readonly string[] }> {
  const authority = await createAuthority('ML-DSA-65');
  const { certPem, keyPem } = await authority.issue();
  const received: string[] = [];
  const server = createServer({ cert: certPem + authority.certPem, key: keyPem }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      received.push(data.toString('latin1'));
      socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${answer.length}\r\n\r\n${answer}`);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `https://127.0.0.1:${port}`, received };
}
