/** PKCS#12 containers, made by the system's openssl; Node.js cannot make any. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Credential } from './certificates.ts';

/** Why tests with containers are skipped, or `false`. */
export const NO_PKCS12: string | false =
  spawnSync('openssl', ['version']).status === 0 ? false : 'there is no openssl on this machine';

/**
 * A container with a certificate, its key, and certificates of authorities.
 *
 * @param credential of a kind that old versions of OpenSSL know, such as P-256.
 * @param how further options of `openssl pkcs12 -export`
 */
export async function makePkcs12(
  { certPem, keyPem }: Credential,
  passphrase: string,
  authoritiesPem = '',
  how: readonly string[] = [],
): Promise<Buffer> {
  const directory = await mkdtemp(join(tmpdir(), 'postern-pkcs12-'));
  try {
    const input = join(directory, 'in.pem');
    const pass = join(directory, 'passphrase');
    const output = join(directory, 'out.p12');
    await writeFile(input, keyPem + certPem + authoritiesPem, { mode: 0o600 });
    await writeFile(pass, `${passphrase}\n`, { mode: 0o600 });
    const args = ['-export', '-in', input, '-out', output, '-passout', `file:${pass}`, ...how];
    execFileSync('openssl', ['pkcs12', ...args], { stdio: 'ignore' });
    return await readFile(output);
  } finally {
    await rm(directory, { recursive: true });
  }
}
