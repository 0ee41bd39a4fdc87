/** What comes of each kind of client at a listener of each profile, as the wire and the log tell. */
import type { TestContext } from 'node:test';
import { openTap } from '../hostile/support/tap.ts';
import { ALLOW_ALL, startTestPostern } from '../support/postern.ts';
import type { TestPostern } from '../support/postern.ts';
import { until } from '../support/until.ts';
import type { ClientKind } from './clients.ts';

/** Profiles in the order of the table. */
export const PROFILES = ['hybrid', 'transition', 'strict', 'cnsa2'] as const;

/** Profiles that a gateway has listeners for; classical links need a policy that admits them. */
export const GATEWAYS: readonly (readonly string[])[] = [
  ['hybrid', 'strict', 'cnsa2'],
  ['transition'],
];

const ALERTS: Readonly<Record<number, string>> = {
  40: 'handshake_failure',
  70: 'protocol_version',
  71: 'insufficient_security',
};
const ALERT_RECORD = 21;

/** A gateway with a listener of each of these profiles, named after it. */
export function startWith(profiles: readonly string[]): Promise<TestPostern> {
  return startTestPostern({
    servers: { program: { stdio: { command: process.execPath } } },
    listeners: profiles.map((profile) => ({
      name: profile,
      address: '127.0.0.1:0',
      tls: { profile },
    })),
    policy: { p2p_connectivity: { enforce_pqc: !profiles.includes('transition') }, ...ALLOW_ALL },
  });
}

/** One attempt; what was negotiated, or who refused and with which alert. */
export async function outcomeOf(
  t: TestContext,
  postern: TestPostern,
  profile: string,
  client: ClientKind,
): Promise<string> {
  const tap = await openTap(t, Number(new URL(postern.listener(profile)).port));
  const before = handshakes(postern).length;
  const caFile = `${postern.stateDir}/identity/ca.crt`;
  await client.attempt({ port: tap.port, caFile, ca: postern.ca });
  await until(`${client.name} is in the log`, () => handshakes(postern).length > before);
  // A browser hangs up on a certificate that it does not know, and then comes again if it may.
  const lines = handshakes(postern).slice(before);
  const made = lines.find(({ event }) => event !== 'tls.handshake_refused');
  if (made !== undefined) {
    const { group, local_signature: signature } = made['fields'] as Record<string, unknown>;
    return `${String(group)}, ${String(signature)}`;
  }
  const [first] = tap.records();
  if (first?.type !== ALERT_RECORD) return 'refused by the client';
  const alert = first.body[1] ?? -1;
  return `refused: ${ALERTS[alert] ?? alert}`;
}

function handshakes(postern: TestPostern): readonly Record<string, unknown>[] {
  return postern.log().filter(({ event }) => String(event).startsWith('tls.'));
}
