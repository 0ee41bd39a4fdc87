/** Handshakes in memory with authorities that are not in force yet. */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { duplexPair } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { connect, createServer } from 'node:tls';
import { messageOf } from '#lib';
import type { Authorities, AuthorityChain } from '../authorities.ts';
import { bundleOf, chainPemOf } from '../authorities.ts';
import { RehearsalFailed } from '../errors.ts';
import { issueCertificate } from '../issue.ts';
import { generateKeys, privatePem } from '../keys.ts';
import { daysMs, validity } from '../lifetimes.ts';
import { formatSpiffeId } from '../spiffe.ts';

/** One handshake that went as it should. */
export interface RehearsedHandshake {
  readonly chain: string;
  readonly what: string;
}

/** One end of a rehearsed handshake. */
interface Party {
  readonly key: string;
  readonly cert: string;
  /** PEM of the roots that it trusts. */
  readonly ca: string;
}

const HOST = 'localhost';
const HANDSHAKE_MS = 10_000;

/**
 * Has gateways and clients of before and after a change meet in TLS handshakes, each of which verifies
 * both sides.
 *
 * @throws RehearsalFailed at the first that fails.
 */
export async function rehearse(
  before: Authorities,
  after: Authorities,
): Promise<readonly RehearsedHandshake[]> {
  const done: RehearsedHandshake[] = [];
  const newRootsAlone = bundleOf({ ...after, previousRoots: [] });
  for (const [index, chain] of after.chains.entries()) {
    const old = before.chains[index];
    if (old === undefined) throw new Error(`no former chain ${chain.spec.name}`);
    const party = (role: Role, of: 'before' | 'after', ca: string): Promise<Party> =>
      makeParty(of === 'before' ? old : chain, role, after.trustDomain, ca);
    const cases = [
      {
        what: 'new gateway and new client, who trust the new roots alone',
        gateway: await party('gateway', 'after', newRootsAlone),
        client: await party('client', 'after', newRootsAlone),
      },
      {
        what: 'new gateway and client from before, who trusts what it trusted then',
        gateway: await party('gateway', 'after', bundleOf(after)),
        client: await party('client', 'before', bundleOf(before)),
      },
      {
        what: 'gateway from before, who trusts what it trusted then, and new client',
        gateway: await party('gateway', 'before', bundleOf(before)),
        client: await party('client', 'after', bundleOf(after)),
      },
    ];
    // What has expired has nobody left to go on with.
    const meeting = old.issuing.certificate.validToDate > new Date() ? cases : cases.slice(0, 1);
    for (const { what, gateway, client } of meeting) {
      await attempt(`${chain.spec.name}: ${what}`, gateway, client);
      done.push({ chain: chain.spec.name, what });
    }
  }
  return done;
}

type Role = 'gateway' | 'client';

async function makeParty(
  chain: AuthorityChain,
  role: Role,
  trustDomain: string,
  ca: string,
): Promise<Party> {
  const { privateKey, publicKey } = generateKeys(chain.spec.leaf);
  const certificate = await issueCertificate(
    {
      role,
      commonName: `Rehearsal ${role}`,
      publicKey,
      spiffeId: formatSpiffeId(trustDomain, role),
      names: role === 'gateway' ? [HOST] : [],
      ...validity(Date.now(), daysMs(1)),
    },
    chain.issuing,
  );
  return { key: privatePem(privateKey), cert: chainPemOf(chain, certificate.toString()), ca };
}

async function attempt(what: string, gateway: Party, client: Party): Promise<void> {
  try {
    await handshake(gateway, client);
  } catch (cause) {
    throw new RehearsalFailed(`${what}: ${messageOf(cause)}`, { cause });
  }
}

async function handshake(gateway: Party, client: Party): Promise<void> {
  const [near, far] = duplexPair();
  const signal = AbortSignal.timeout(HANDSHAKE_MS);
  const server = createServer({ ...gateway, minVersion: 'TLSv1.3', requestCert: true });
  const accepted = acceptance(server, signal);
  accepted.catch(() => undefined);
  server.emit('connection', near);
  const socket = connect({ ...client, socket: far, servername: HOST, minVersion: 'TLSv1.3' });
  // What the server refuses is told to the client too, at any time later.
  socket.on('error', () => undefined);
  try {
    await Promise.all([once(socket, 'secureConnect', { signal }), accepted]);
  } finally {
    closeAll([socket, near, far]);
  }
}

/** Resolves when the server has verified the client, rejects when it has refused it. */
function acceptance(server: ReturnType<typeof createServer>, signal: AbortSignal): Promise<void> {
  const refused = once(server, 'tlsClientError', { signal }).then(([error]) => {
    throw error;
  });
  const taken = once(server, 'secureConnection', { signal }) as Promise<[TLSSocket]>;
  return Promise.race([
    refused,
    taken.then(([socket]) => void socket.on('error', () => undefined)),
  ]);
}

function closeAll(streams: readonly Duplex[]): void {
  for (const stream of streams) stream.destroy();
}
