import type { AuthorityStatus, ClientCertificate, IdentityStatus } from '#identity';
import { identityStatus } from '#identity';
import { askIdentity, dueOfRunning, printRunning } from './cert-status-running.ts';
import { EXIT } from './exit-codes.ts';
import { print, printJson, style, table } from './output.ts';
import type { StateOptions } from './state-option.ts';
import { stateDirOf } from './state-option.ts';

/** Options of `postern cert status`. */
export interface CertStatusOptions extends StateOptions {
  readonly json?: boolean;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** Whose certificate ends sooner has to be given the next one. */
const CLIENT_SOON_DAYS = 14;

/**
 * Prints what the state directory holds and a running gateway shows, when it ends and what is due; 1
 * when something is.
 *
 * @throws IdentityMissing, IdentityExpired and what else reading the identity throws.
 */
export async function certStatus(options: CertStatusOptions): Promise<number> {
  const stateDir = await stateDirOf(options);
  const status = await identityStatus(stateDir);
  const asked = await askIdentity(stateDir);
  const due = [...dueOf(status, Date.now()), ...dueOfRunning(asked)];
  const exit = due.length === 0 ? EXIT.ok : EXIT.failure;
  if (options.json === true) {
    printJson({ ok: exit === EXIT.ok, ...jsonOf(status), gateway: asked, due });
    return exit;
  }
  print(
    table([head('authority', 'signed with', 'ends', 'days left', 'key'), ...authorityRows(status)]),
  );
  print('');
  printRunning(asked);
  if (status.crls.length > 0) {
    const rows = status.crls.map(({ file, nextUpdateMs }) => [file, iso(nextUpdateMs)]);
    print(`\n${table([head('revocation list', 'next update'), ...rows])}`);
  }
  if (status.clients.length > 0) {
    print(`\n${table([head('client', 'chain', 'ends', 'days left', ''), ...clientRows(status)])}`);
  }
  for (const line of due) print(`\n  ${style('yellow', '!')} ${line}`);
  return exit;
}

/** What somebody has to see to, as sentences. */
function dueOf({ rotation, authorities, crls, clients }: IdentityStatus, nowMs: number): string[] {
  const due: string[] = [];
  if (nowMs >= rotation.rootsMs) due.push('The roots end soon: run `postern ca rotate --root`.');
  if (nowMs >= rotation.issuingMs) {
    due.push(
      authorities.some(({ key }) => key === 'offline')
        ? 'The issuing CAs are past half of their life: run `postern ca rotate --root-keys <directory>`.'
        : 'The issuing CAs are past half of their life: a running gateway replaces them, or run `postern ca rotate`.',
    );
  }
  if (authorities.some(({ kind }) => kind === 'previous root')) {
    due.push(
      'Former roots are still trusted: run `postern ca retire` once every client has the new ca.crt.',
    );
  }
  for (const { file, nextUpdateMs } of crls) {
    if (nowMs >= nextUpdateMs) due.push(`${file} is too old: a running gateway makes a new one.`);
  }
  for (const name of endingSoon(clients, nowMs))
    due.push(`The last certificate of ${name} ends soon.`);
  return due;
}

/** Names whose last certificate ends soon. */
function endingSoon(clients: readonly ClientCertificate[], nowMs: number): readonly string[] {
  const last = new Map<string, number>();
  for (const { entry, revoked } of clients) {
    const { name, not_after: end } = entry;
    if (revoked === null) last.set(name, Math.max(last.get(name) ?? 0, Date.parse(end)));
  }
  return [...last]
    .filter(([, end]) => end - nowMs < CLIENT_SOON_DAYS * DAY_MS)
    .map(([name]) => name);
}

function jsonOf({ authorities, crls, ...rest }: IdentityStatus): object {
  return {
    trustDomain: rest.trustDomain,
    generation: rest.generation,
    authorities: authorities.map(({ notAfterMs, ...authority }) => ({
      ...authority,
      notAfter: iso(notAfterMs),
      daysLeft: daysUntil(notAfterMs),
    })),
    crls: crls.map(({ file, nextUpdateMs }) => ({ file, nextUpdate: iso(nextUpdateMs) })),
    clients: rest.clients.map(({ entry, revoked }) => Object.assign({ revoked }, entry)),
    revoked: rest.revoked,
  };
}

function authorityRows({ authorities }: IdentityStatus): readonly (readonly string[])[] {
  return authorities.map(({ name, kind, signature, notAfterMs, key }: AuthorityStatus) => [
    kind === 'previous root' ? `${name} (former)` : name,
    signature,
    iso(notAfterMs),
    String(daysUntil(notAfterMs)),
    key === 'none' ? '' : key,
  ]);
}

function clientRows({ clients }: IdentityStatus): readonly (readonly string[])[] {
  return clients.map(({ entry: { name, chain, not_after: end }, revoked }) => [
    name,
    chain,
    end,
    String(daysUntil(Date.parse(end))),
    revoked === null ? '' : style('yellow', `revoked: ${revoked}`),
  ]);
}

function head(...titles: readonly string[]): readonly string[] {
  return titles.map((title) => style('dim', title));
}

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

function daysUntil(timeMs: number): number {
  return Math.floor((timeMs - Date.now()) / DAY_MS);
}
