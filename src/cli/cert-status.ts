import type { X509Certificate } from 'node:crypto';
import { readAuthorities } from '#identity';
import { EXIT } from './exit-codes.ts';
import { print, printJson, style, table } from './output.ts';
import type { StateOptions } from './state-option.ts';
import { stateDirOf } from './state-option.ts';

/** Options of `postern cert status`. */
export interface CertStatusOptions extends StateOptions {
  readonly json?: boolean;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** Authorities that end sooner have to be seen to: their clients need the next ones in time. */
const SOON_DAYS = 90;

interface Row {
  readonly name: string;
  readonly signature: string;
  readonly notAfter: string;
  readonly daysLeft: number;
}

/**
 * Prints what the state directory holds and when it ends; 1 when something ends soon.
 *
 * @throws IdentityMissing, IdentityExpired and what else reading the identity throws.
 */
export async function certStatus(options: CertStatusOptions): Promise<number> {
  const rows = (await readAuthorities(await stateDirOf(options))).map(rowOf);
  const soon = rows.filter(({ daysLeft }) => daysLeft < SOON_DAYS);
  const exit = soon.length === 0 ? EXIT.ok : EXIT.failure;
  if (options.json === true) {
    printJson({ ok: exit === EXIT.ok, authorities: rows });
    return exit;
  }
  const head = ['authority', 'signed with', 'ends', 'days left'].map((title) =>
    style('dim', title),
  );
  print(table([head, ...rows.map(cellsOf)]));
  print('');
  print('  The gateway’s own certificates are in its memory alone; it renews them by itself.');
  if (soon.length > 0) print(`  ${style('yellow', '!')} ${soon.length} end(s) soon.`);
  return exit;
}

function rowOf(certificate: X509Certificate): Row {
  return {
    name: /CN=(.*)/.exec(certificate.subject)?.[1] ?? certificate.subject,
    signature: certificate.signatureAlgorithm ?? 'unknown',
    notAfter: certificate.validToDate.toISOString(),
    daysLeft: Math.floor((certificate.validToDate.getTime() - Date.now()) / DAY_MS),
  };
}

function cellsOf({ name, signature, notAfter, daysLeft }: Row): readonly string[] {
  const left = String(daysLeft);
  return [name, signature, notAfter, daysLeft < SOON_DAYS ? style('yellow', left) : left];
}
