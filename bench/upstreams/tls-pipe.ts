/**
 * What streaming is compared with, a process of its own: a TLS listener that pipes each connection to
 * another TLS server and back, and looks at nothing.
 *
 * Takes {@link PipeOptions} as JSON in its first argument; prints its port when it listens.
 */
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';
import { connect, createSecureContext, createServer } from 'node:tls';

/** Where the pipe begins and ends. */
export interface PipeOptions {
  readonly certFiles: readonly string[];
  readonly keyFile: string;
  /** TLS group of both links. */
  readonly group: string;
  readonly upstream: { readonly port: number; readonly caFile: string };
}

const { certFiles, keyFile, group, upstream } = JSON.parse(process.argv[2] ?? '{}') as PipeOptions;
const secureContext = createSecureContext({
  ca: readFileSync(upstream.caFile),
  ecdhCurve: group,
  minVersion: 'TLSv1.3',
});
const server = createServer(
  {
    key: readFileSync(keyFile),
    cert: certFiles.map((file) => readFileSync(file, 'utf8')).join('\n'),
    ecdhCurve: group,
    minVersion: 'TLSv1.3',
    ALPNProtocols: ['http/1.1'],
  },
  (client) => {
    const { port } = upstream;
    const far = connect({ host: '127.0.0.1', port, secureContext, servername: 'localhost' });
    // Either end may leave whenever it likes.
    pipeline(client, far, client, () => undefined);
  },
);
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }));
});
process.once('SIGTERM', () => process.exit(0));
