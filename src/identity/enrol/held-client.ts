import type { KeyObject } from 'node:crypto';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { rename, stat } from 'node:fs/promises';
import { parseJson } from '#lib';
import { signatureOfKey } from '#crypto';
import type { ClientAlgorithm } from '../client.ts';
import type { ClientFiles } from '../client-files.ts';
import { gatewayFileOf } from '../client-files.ts';
import { ClientFilesUnusable, IdentityDamaged } from '../errors.ts';
import { hasCode, readIdentityFile, storageFailed } from '../files.ts';
import { clientAlgorithmOf } from './algorithms.ts';
import { clientIn } from './client-request.ts';

/** A client identity that was read from its files. */
export interface HeldClient {
  readonly name: string;
  readonly algorithm: ClientAlgorithm;
  readonly keyPem: string;
  readonly chainPem: string;
  readonly caPem: string;
  readonly leaf: X509Certificate;
  /** Where it was enrolled; `null` when no file tells. */
  readonly gateway: string | null;
}

/** What stands beside a file while its pair is being replaced. */
export const NEXT = '.next';

/**
 * Reads a client identity. A renewal that was cut off after its key was in place is completed first.
 *
 * @throws ClientFilesUnusable, StateFileUnsafe when other users can read the key, or StorageFailed.
 */
export async function readHeldClient(files: ClientFiles): Promise<HeldClient> {
  const keyPem = await read(files.keyFile, 'private');
  const key = parsed(files.keyFile, () => createPrivateKey(keyPem));
  const algorithm = clientAlgorithmOf(signatureOfKey(key));
  if (algorithm === undefined) throw unusable(`${files.keyFile} has a key that no client has`);
  const { chainPem, leaf } = await readCertificate(files.certificateFile, key);
  const caPem = await read(files.caFile, 'public');
  const { name } = parsed(files.certificateFile, () => clientIn(leaf));
  return { name, algorithm, keyPem, chainPem, caPem, leaf, gateway: await gatewayOf(files) };
}

async function readCertificate(
  path: string,
  key: KeyObject,
): Promise<{ chainPem: string; leaf: X509Certificate }> {
  for (const finish of [false, true]) {
    if (finish && !(await takeNext(path, key))) break;
    const chainPem = await read(path, 'public');
    const leaf = parsed(path, () => new X509Certificate(chainPem));
    if (leaf.checkPrivateKey(key)) return { chainPem, leaf };
  }
  throw unusable(`${path} is not the certificate of the key beside it`);
}

/** Puts the certificate of the key in place, when it is there and only its renaming is missing. */
async function takeNext(path: string, key: KeyObject): Promise<boolean> {
  const next = path + NEXT;
  try {
    await stat(next);
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return false;
    throw storageFailed(next, cause);
  }
  const pem = await read(next, 'public');
  if (!parsed(next, () => new X509Certificate(pem)).checkPrivateKey(key)) return false;
  await rename(next, path).catch((cause: unknown) => {
    throw storageFailed(path, cause);
  });
  return true;
}

async function gatewayOf(files: ClientFiles): Promise<string | null> {
  try {
    const text = await readIdentityFile(gatewayFileOf(files), 'public');
    const { gateway } = Object(parseJson(text)) as { gateway?: unknown };
    return typeof gateway === 'string' ? gateway : null;
  } catch (thrown) {
    // Absent, or somebody else's file; whoever renews can name the gateway.
    if (thrown instanceof IdentityDamaged || thrown instanceof SyntaxError) return null;
    throw thrown;
  }
}

async function read(path: string, secrecy: 'private' | 'public'): Promise<string> {
  try {
    return await readIdentityFile(path, secrecy);
  } catch (thrown) {
    if (thrown instanceof IdentityDamaged) throw unusable(thrown.message, thrown);
    throw thrown;
  }
}

function parsed<T>(path: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw unusable(`${path} does not hold what a client identity has there`, cause);
  }
}

function unusable(message: string, cause?: unknown): Error {
  return new ClientFilesUnusable(message, { cause });
}
