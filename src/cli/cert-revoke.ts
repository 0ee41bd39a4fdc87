import { readFile } from 'node:fs/promises';
import type { RevocationReason, RevocationTarget } from '#identity';
import { revoke } from '#identity';
import { messageOf } from '#lib';
import { visible } from '#telemetry';
import { UsageError } from './errors.ts';
import { EXIT } from './exit-codes.ts';
import { print, printJson, table } from './output.ts';
import type { StateOptions } from './state-option.ts';
import { stateDirOf } from './state-option.ts';

/** Options of `postern cert revoke`. */
export interface RevokeOptions extends StateOptions {
  readonly serial?: string;
  readonly certificate?: string;
  readonly fingerprint?: string;
  readonly reason: RevocationReason;
  readonly json?: boolean;
}

/** Revokes certificates and tells which. */
export async function revokeCertificates(
  name: string | undefined,
  options: RevokeOptions,
): Promise<number> {
  const target = await targetOf(name, options);
  const { revoked, already } = await revoke(await stateDirOf(options), target, options.reason);
  if (options.json === true) {
    printJson({ revoked, already_revoked: already });
    return EXIT.ok;
  }
  for (const [entries, what] of [
    [revoked, 'revoked'],
    [already, 'revoked before'],
  ] as const) {
    const rows = entries.map((entry) => [
      what,
      visible(entry.name ?? 'of another authority'),
      entry.chain ?? '',
      entry.serial ?? entry.fingerprint256,
      entry.reason,
    ]);
    if (rows.length > 0) print(table(rows));
  }
  print('');
  print(
    '  Running gateways refuse them and drop their connections; the lists in identity/crl say so.',
  );
  return EXIT.ok;
}

async function targetOf(
  name: string | undefined,
  { serial, certificate, fingerprint }: RevokeOptions,
): Promise<RevocationTarget> {
  const given = [name, serial, certificate, fingerprint].filter((value) => value !== undefined);
  if (given.length !== 1) {
    throw new UsageError('give a name, --serial, --certificate or --fingerprint: one of them');
  }
  if (name !== undefined) return { kind: 'name', value: name };
  if (serial !== undefined) return { kind: 'serial', value: serial };
  if (fingerprint !== undefined) return { kind: 'fingerprint', value: fingerprint };
  return { kind: 'certificate', value: await read(certificate ?? '') };
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new UsageError(`cannot read ${path}: ${messageOf(cause)}`, {
      cause,
      hint: 'Check the path, and that this user may read the file.',
    });
  }
}
