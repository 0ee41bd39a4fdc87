/** Listeners for handshakes: the gateway's, and a bare one with the gateway's own certificate. */
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import { startEchoWith } from './echo.ts';
import { startPosternSubject } from './postern.ts';
import type { Subject } from './subject.ts';
import { subjectOf } from './subject.ts';

const OPTIONS = { link: 'pq', server: 'http', audit: 'off' } as const;

/** The gateway with its default listener: hybrid groups, client certificates asked for. */
export async function posternListener(bench: Bench): Promise<Subject> {
  const { subject } = await startPosternSubject(bench, OPTIONS);
  return subject;
}

/** `https.createServer` with the key, chain and group that a gateway shows, and the same question. */
export async function bareListener(bench: Bench): Promise<Subject> {
  const { subject: gateway, postern } = await startPosternSubject(bench, OPTIONS);
  await gateway.stop();
  const directory = join(postern.stateDir, 'identity');
  const chain = (name: string): string => join(directory, 'pq', name);
  const { child, port } = await startEchoWith(
    {
      tls: {
        certFiles: [chain('gateway.crt'), chain('issuing.crt')],
        keyFile: chain('gateway.key'),
        group: 'X25519MLKEM768',
        clientCaFile: join(directory, 'ca.crt'),
      },
      events: false,
    },
    bench.cores.subject,
  );
  return subjectOf({ child, target: { ...postern.target, port } });
}
