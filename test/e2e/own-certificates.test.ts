/** A listener with certificates and client authorities of the deployment's own, in files that change. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { makeClientRequest } from '#identity';
import type { Credential, TestAuthority } from '../support/certificates.ts';
import { createAuthority } from '../support/certificates.ts';
import { fingerprintShown, pqFetch } from '../support/clients.ts';
import { askEst } from '../support/est.ts';
import { callerNamed } from '../support/identified.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { openSession } from '../support/raw.ts';
import { programAt } from '../support/transports.ts';

let home: string;
let site: TestAuthority;
let partner: TestAuthority;
let first: Credential;
let postern: TestPostern;
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'postern-own-'));
  site = await createAuthority();
  partner = await createAuthority();
  first = await site.issue();
  await writePair(first);
  await put('partner.pem', partner.certPem);
  await put('partner.crl', await partner.revocationList([]));
  postern = await startTestPostern({
    servers: { program: { stdio: programAt('test/fixtures/stateful-stdio.ts') } },
    policy: { rules: [{ id: 'named', effect: 'allow', principals: ['own', 'foreign'] }] },
    listeners: [
      {
        name: 'main',
        address: '127.0.0.1:0',
        tls: {
          certificates: [{ certificate: join(home, 'site.crt'), key: join(home, 'site.key') }],
          client_ca: join(home, 'partner.pem'),
          client_ca_names: ['foreign*'],
          client_crl: join(home, 'partner.crl'),
        },
      },
    ],
  });
});
after(async () => {
  await postern.stop();
  await rm(home, { recursive: true });
});

const put = (name: string, text: string): Promise<void> => writeFile(join(home, name), text);

async function writePair({ certPem, keyPem }: Credential): Promise<void> {
  await put('site.key', keyPem);
  await put('site.crt', certPem);
}

const fingerprintOf = ({ certPem }: Credential): string =>
  new X509Certificate(certPem).fingerprint256;

const shown = (): Promise<string> =>
  fingerprintShown({ ca: site.certPem, endpoint: postern.endpoint });

function clientOf(authority: TestAuthority, name = 'foreign'): Promise<Credential> {
  return authority.issue({
    names: [{ type: 'url', value: `spiffe://postern.internal/client/${name}` }],
  });
}

/** Whether a client with this certificate gets a session, or what it gets instead. */
async function outcome({ keyPem, certPem }: Credential): Promise<string> {
  const link = pqFetch({ ca: site.certPem }, { key: keyPem, cert: certPem });
  try {
    await openSession(link.fetch, postern.url('program'));
    return 'served';
  } catch {
    return 'refused';
  } finally {
    await link.close();
  }
}

const told = (event: string, file: string) =>
  postern.logged(
    (line) => line['event'] === event && JSON.stringify(line['fields']).includes(file),
  );

test('R-13 clients see the deployment’s certificate; the gateway’s own clients are served too', async () => {
  assert.equal(await shown(), fingerprintOf(first));
  const own = await callerNamed({ ...postern, ca: site.certPem }, 'own');
  await openSession(own.fetch, postern.url('program'));
  await own.close();
});

test('R-13 clients of its own authorities are served by their names, until they are on the list', async () => {
  const leaver = await clientOf(partner);
  assert.equal(await outcome(leaver), 'served');
  await put('partner.crl', await partner.revocationList([leaver]));
  await told('listener.files_reloaded', 'partner.crl');
  assert.equal(await outcome(leaver), 'refused');
  assert.equal(await outcome(await clientOf(partner)), 'served');
  assert.equal(await outcome(await clientOf(await createAuthority())), 'refused');
  // Of the gateway's own clients there is one of this name, whom the partner may not name.
  assert.equal(await outcome(await clientOf(partner, 'own')), 'refused');
  const entries = await postern.record();
  assert.equal(entries.at(-1)?.client.principal, 'foreign');
});

test('R-13 a certificate of another authority does not become one of the gateway’s own', async () => {
  const { keyPem, certPem } = await clientOf(partner);
  const { der } = await makeClientRequest('ML-DSA-65', 'foreign');
  const answer = await askEst({ ...postern, ca: site.certPem }, 'simplereenroll', {
    method: 'POST',
    body: der.toString('base64'),
    tls: { key: keyPem, cert: certPem },
  });
  assert.equal(answer.status, 403, answer.body);
  assert.match(answer.body, /POSTERN_CERTIFICATE_NOT_RENEWABLE/);
});

test('R-05 R-21 files that change are used for new connections; what does not fit is alerted', async () => {
  const old = await shown();
  const next = await site.issue();
  await put('site.key', next.keyPem);
  await told('listener.files_unusable', 'site.key');
  assert.equal(await shown(), old);
  await put('site.crt', next.certPem);
  await told('listener.files_reloaded', 'site.crt');
  assert.equal(await shown(), fingerprintOf(next));
});
