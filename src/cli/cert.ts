import type { ClientAlgorithm } from '#identity';
import { issueClient, writeClientFiles } from '#identity';
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
