import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { ClientAlgorithm, ClientFiles, IssuedClient } from '#identity';
import {
  makeClientRequest,
  pinnedRoot,
  provingScheme,
  readCerts,
  refuseClientFiles,
  rootsPem,
  writeClientFiles,
} from '#identity';
import { messageOf } from '#lib';
import { UsageError } from './errors.ts';
import type { EstClient } from './est-client.ts';
import { openEst, unverifiedCaCerts } from './est-client.ts';
import { EXIT } from './exit-codes.ts';
import { gatewayOrigin } from './gateway-origin.ts';
import { print, printJson, style, table } from './output.ts';

/** Options of `postern enroll`. */
export interface EnrollOptions {
  readonly token?: string;
  readonly tokenFile?: string;
  readonly caFingerprint: string;
  readonly name?: string;
  readonly algorithm: ClientAlgorithm;
  readonly out: string;
  readonly json?: boolean;
}

const TOKEN_VARIABLE = 'POSTERN_ENROL_TOKEN';

/**
 * Gets a client its first certificate from a gateway, for a token. The token leaves only over a link
 * whose other end has proved itself by a chain to the pinned root.
 */
export async function enroll(url: string, options: EnrollOptions): Promise<number> {
  const origin = gatewayOrigin(url);
  const fingerprint = fingerprintIn(options.caFingerprint);
  const token = await tokenOf(options);
  const proof = provingScheme(options.algorithm);
  const shown = await readCerts(await unverifiedCaCerts(origin, proof));
  const est = openEst(origin, { caPem: pinnedRoot(shown, fingerprint), proof });
  try {
    const issued = await ask(est, token, options);
    report(issued, await writeClientFiles(options.out, issued, origin), options);
    return EXIT.ok;
  } finally {
    await est.close();
  }
}

async function ask(
  est: EstClient,
  token: string,
  { name, algorithm, out }: EnrollOptions,
): Promise<IssuedClient> {
  // All the roots, now from who has proved that it is the gateway.
  const caPem = rootsPem(await readCerts(await est.cacerts()));
  const request = await makeClientRequest(algorithm, name ?? null);
  // Before the token is used up for files that could not be written.
  if (name !== undefined) await refuseClientFiles(out, name, caPem);
  return request.accept(await est.simpleenroll(request.der, name ?? '', token), caPem);
}

function fingerprintIn(given: string): string {
  const digits = given.replaceAll(':', '').toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digits)) return digits;
  throw new UsageError('--ca-fingerprint is not a SHA-256 in hex (64 digits)');
}

/** The token, from wherever it was given; what is wrong with it is told without it. */
async function tokenOf({ token, tokenFile }: EnrollOptions): Promise<string> {
  if (token !== undefined && tokenFile !== undefined) {
    throw new UsageError('give one of: --token-file, --token');
  }
  const given =
    tokenFile === undefined ? (token ?? process.env[TOKEN_VARIABLE]) : await readToken(tokenFile);
  if (given === undefined || given === '') {
    throw new UsageError(`no token: give --token-file or the variable ${TOKEN_VARIABLE}`);
  }
  const trimmed = given.trim();
  if (/^[0-9a-f]{64}$/.test(trimmed)) return trimmed;
  throw new UsageError('the token is not one of `postern ca token` (64 hex digits)');
}

async function readToken(file: string): Promise<string> {
  try {
    return file === '-' ? await text(process.stdin) : await readFile(file, 'utf8');
  } catch (cause) {
    throw new UsageError(`the token file cannot be read: ${messageOf(cause)}`, {
      cause,
      hint: 'Check the path, and that this user may read the file.',
    });
  }
}

/** Tells what was issued and where it is. */
export function report(
  { name, spiffeId, notAfterMs }: IssuedClient,
  files: ClientFiles,
  { json }: { readonly json?: boolean },
): void {
  const expires = new Date(notAfterMs).toISOString();
  if (json === true) {
    printJson({ name, spiffe_id: spiffeId, expires, ...files });
    return;
  }
  print(`  ${style('bold', spiffeId)}, until ${expires}`);
  print(
    table([
      ['key', files.keyFile],
      ['certificate', files.certificateFile],
      ['CA', files.caFile],
    ]),
  );
}
