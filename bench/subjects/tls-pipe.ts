import type { Bench } from '../bench.ts';
import type { PipeOptions } from '../upstreams/tls-pipe.ts';
import { serverTls, startEcho, startServer, targetAt, targetTls } from './echo.ts';
import type { Subject } from './subject.ts';
import { subjectOf } from './subject.ts';

/** A bare TLS pipe before the echo server, with the links that Postern has. */
export async function pipeSubject(bench: Bench, nodeOptions: readonly string[]): Promise<Subject> {
  const tls = serverTls(bench, 'pq');
  if (tls === null) throw new Error('the pipe has no TLS');
  const upstream = await startEcho(bench, 'pq');
  const { certFiles, keyFile, group } = tls;
  const options: PipeOptions = {
    certFiles,
    keyFile,
    group,
    upstream: { port: upstream.port, caFile: bench.certificates.pq.caFile },
  };
  const { child, port } = await startServer(
    'tls-pipe',
    options,
    { core: bench.cores.subject },
    nodeOptions,
  );
  return subjectOf({
    child,
    upstream: upstream.child,
    target: targetAt(port, targetTls(bench, 'pq')),
  });
}
