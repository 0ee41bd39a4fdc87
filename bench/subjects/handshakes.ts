/** Listeners for handshakes: the gateway's, and a bare one with a certificate of the same authority. */
import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import { issueUnder } from '../certificates.ts';
import { startBareListener } from './echo.ts';
import { startPosternSubject } from './postern.ts';
import type { Subject } from './subject.ts';
import { subjectOf } from './subject.ts';

const OPTIONS = { link: 'pq', server: 'http', audit: 'off' } as const;

/** The gateway with its default listener: hybrid groups, client certificates asked for. */
export async function posternListener(
  bench: Bench,
  nodeOptions: readonly string[],
): Promise<Subject> {
  const { subject } = await startPosternSubject(bench, OPTIONS, nodeOptions);
  return subject;
}

/** `https.createServer` with the kind of key, the chain and the group of a gateway, and the same question. */
export async function bareListener(bench: Bench): Promise<Subject> {
  const { subject: gateway, postern } = await startPosternSubject(bench, OPTIONS);
  await gateway.stop();
  const identity = join(postern.stateDir, 'identity');
  const generation = (await readFile(join(identity, 'current'), 'utf8')).trim();
  const directory = await mkdtemp(join(bench.directory, 'bare-'));
  const { child, port } = await startBareListener(bench, {
    ...(await issueUnder(join(identity, generation, 'pq'), directory)),
    group: 'X25519MLKEM768',
    clientCaFile: join(identity, 'ca.crt'),
  });
  return subjectOf({ child, target: { ...postern.target, port } });
}
