import type { ClientAlgorithm } from '#identity';
import { issueClient, listClients, writeClientFiles } from '#identity';
import { UsageError } from './errors.ts';
import { EXIT } from './exit-codes.ts';
import { print, printJson, style, table } from './output.ts';
import type { StateOptions } from './state-option.ts';
import { stateDirOf } from './state-option.ts';

/** Options of `postern cert issue`. */
export interface CertOptions extends StateOptions {
  readonly out: string;
  readonly algorithm: ClientAlgorithm;
  readonly days: string;
  readonly json?: boolean;
}

/** Options of `postern cert list`. */
export interface CertListOptions extends StateOptions {
  readonly json?: boolean;
}

/** Issues a client identity and writes its files. */
export async function issueCertificate(name: string, options: CertOptions): Promise<number> {
  const days = Number(options.days);
  if (!Number.isInteger(days)) throw new UsageError(`--days ${options.days} is no whole number`);
  const stateDir = await stateDirOf(options);
  const issued = await issueClient(stateDir, name, { algorithm: options.algorithm, days });
  const files = await writeClientFiles(options.out, issued);
  const expires = new Date(issued.notAfterMs).toISOString();
  if (options.json === true) {
    printJson({ name, spiffe_id: issued.spiffeId, expires, ...files });
    return EXIT.ok;
  }
  print(`  ${style('bold', issued.spiffeId)}, ${options.algorithm}, until ${expires}`);
  print(
    table([
      ['key', files.keyFile],
      ['certificate', files.certificateFile],
      ['CA', files.caFile],
    ]),
  );
  return EXIT.ok;
}

/** Lists the clients' certificates that have not expired. */
export async function listCertificates(options: CertListOptions): Promise<number> {
  const clients = await listClients(await stateDirOf(options));
  if (options.json === true) {
    printJson({
      certificates: clients.map(({ entry, revoked }) => Object.assign({ revoked }, entry)),
    });
    return EXIT.ok;
  }
  const head = ['client', 'chain', 'serial number', 'ends', 'revoked'].map((title) =>
    style('dim', title),
  );
  const rows = clients.map(({ entry: { name, chain, serial, not_after: end }, revoked }) => [
    name,
    chain,
    serial,
    end,
    revoked ?? '',
  ]);
  print(
    rows.length === 0
      ? '  No certificate was issued that has not expired.'
      : table([head, ...rows]),
  );
  return EXIT.ok;
}
