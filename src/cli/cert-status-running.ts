import { messageOf, PosternError } from '#lib';
import { visible } from '#telemetry';
import { askGateway } from './control-client.ts';
import { print, style, table } from './output.ts';
import type { RunningIdentity, ShownCertificate } from './running-identity.ts';

/** What the gateway of a state directory shows, or why that is not known. */
export type Asked =
  | ({ readonly answered: true } & RunningIdentity)
  | {
      readonly answered: false;
      readonly why: string;
    };

/** Asks the running gateway. That none answers is an answer too. */
export async function askIdentity(stateDir: string): Promise<Asked> {
  try {
    const told = await askGateway<RunningIdentity>(stateDir, 'GET', '/identity', null);
    return { answered: true, ...told };
  } catch (thrown) {
    if (!(thrown instanceof PosternError)) throw thrown;
    return { answered: false, why: messageOf(thrown) };
  }
}

/** What somebody has to see to, as sentences. */
export function dueOfRunning(asked: Asked): readonly string[] {
  if (!asked.answered) return [];
  return [
    ...asked.listeners.map((each) => ({ ...each, who: `of listener ${each.name}` })),
    ...asked.servers.map((each) => ({ ...each, who: `for server ${each.name}` })),
  ].flatMap(({ who, certificates }) =>
    certificates
      .filter((certificate) => certificate.ends_soon)
      .map((each) => `The certificate ${who} ends on ${each.not_after}: replace its files.`),
  );
}

/** Prints what the gateway shows. */
export function printRunning(asked: Asked): void {
  if (!asked.answered) {
    print(`  Of a running gateway nothing is known: ${visible(asked.why)}.`);
    print('  Its own certificates are in its memory alone; it renews them by itself.');
    return;
  }
  const { own, listeners, servers } = asked;
  const head = ['shown by', 'certificate', 'serial number', 'signs with', 'ends', 'names'];
  const rows = [
    ...listeners.flatMap((each) => rowsOf(`listener ${each.name}`, each.certificates)),
    ...servers.flatMap((each) => rowsOf(`to server ${each.name}`, each.certificates)),
  ];
  print(table([head.map((title) => style('dim', title)), ...rows]));
  print(`\n  The gateway renews its own certificates soon after ${own.renewal_due}.`);
}

function rowsOf(
  who: string,
  certificates: readonly ShownCertificate[],
): readonly (readonly string[])[] {
  return certificates.map((each) => [
    who,
    each.from === 'files' ? 'from files' : 'its own',
    each.serial,
    each.signature,
    each.ends_soon ? style('yellow', each.not_after) : each.not_after,
    visible(each.names.join(', ')),
  ]);
}
