/** Servers with a certificate of an authority of the test's own, and the way to them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Credential } from '../support/certificates.ts';
import { createAuthority } from '../support/certificates.ts';
import { pqFetch } from '../support/clients.ts';

/** An authority, and a client that trusts it alone. */
export interface PqTls {
  /** With the file {@link caFile} in it. */
  readonly directory: string;
  readonly caFile: string;
  readonly fetch: ReturnType<typeof pqFetch>['fetch'];
  issue(): Promise<Credential>;
  close(): Promise<void>;
}

/** @throws when the directory for temporary files cannot be written. */
export async function createPqTls(): Promise<PqTls> {
  const authority = await createAuthority();
  const directory = await mkdtemp(join(tmpdir(), 'postern-ca-'));
  const caFile = join(directory, 'ca.pem');
  await writeFile(caFile, authority.certPem);
  const client = pqFetch({ ca: authority.certPem });
  return {
    directory,
    caFile,
    fetch: client.fetch,
    issue: () => authority.issue(),
    close: async () => {
      await client.close();
      await rm(directory, { recursive: true });
    },
  };
}
