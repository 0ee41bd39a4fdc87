import { readdir } from 'node:fs/promises';
import type { ClientFiles, HeldClient, IssuedClient } from '#identity';
import {
  ClientFilesUnusable,
  clientFilesIn,
  makeClientRequest,
  readCerts,
  readHeldClient,
  replaceClientFiles,
  rootsPem,
} from '#identity';
import { messageOf } from '#lib';
import { report } from './enroll.ts';
import { UsageError } from './errors.ts';
import { openEst } from './est-client.ts';
import { EXIT } from './exit-codes.ts';
import { gatewayOrigin } from './gateway-origin.ts';
import { refuseExpired, watchRenewal } from './renewal-watch.ts';

/** Options of `postern cert renew`. */
export interface RenewOptions {
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
  readonly url?: string;
  readonly watch?: boolean;
  readonly json?: boolean;
}

/** Renews a client's certificate, with a new key; with `--watch` again and again, when it is due. */
export async function renewCertificate(
  directory: string | undefined,
  options: RenewOptions,
): Promise<number> {
  const files = await filesOf(directory, options);
  if (options.watch === true) {
    await watchRenewal({
      leaf: async () => (await readHeldClient(files)).leaf,
      renew: async () => (await renew(files, options.url)).notAfterMs,
    });
  } else {
    report(await renew(files, options.url), files, options);
  }
  return EXIT.ok;
}

async function renew(files: ClientFiles, url: string | undefined): Promise<IssuedClient> {
  const held = await readHeldClient(files);
  refuseExpired(held.leaf);
  const est = openEst(originOf(held, url), { caPem: held.caPem, credential: held });
  try {
    const caPem = rootsPem(await readCerts(await est.cacerts()));
    const request = await makeClientRequest(held.algorithm, held.name);
    const issued = await request.accept(await est.simplereenroll(request.der), caPem);
    await replaceClientFiles(files, issued, held.caPem);
    return issued;
  } finally {
    await est.close();
  }
}

function originOf({ gateway, name }: HeldClient, url: string | undefined): string {
  const given = url ?? gateway;
  if (given === null) throw new UsageError(`no ${name}.json tells the gateway; give --url`);
  return gatewayOrigin(given);
}

async function filesOf(
  directory: string | undefined,
  { cert, key, ca }: RenewOptions,
): Promise<ClientFiles> {
  const named = [cert, key, ca].filter((file) => file !== undefined);
  if (directory === undefined && cert !== undefined && key !== undefined && ca !== undefined) {
    return { certificateFile: cert, keyFile: key, caFile: ca };
  }
  if (directory === undefined || named.length > 0) {
    throw new UsageError('give a directory, or all of --cert, --key and --ca');
  }
  return clientFilesIn(directory, await onlyClientIn(directory));
}

async function onlyClientIn(directory: string): Promise<string> {
  const entries = await readdir(directory).catch((cause: unknown) => {
    throw new ClientFilesUnusable(messageOf(cause), { cause });
  });
  const keys = entries.filter((entry) => entry.endsWith('.key'));
  const [only, ...others] = keys;
  if (only === undefined) throw new ClientFilesUnusable(`${directory} has no <name>.key`);
  if (others.length === 0) return only.slice(0, -'.key'.length);
  throw new UsageError(`${directory} has ${keys.join(', ')}: name one by --cert, --key and --ca`);
}
