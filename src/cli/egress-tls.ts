import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { getCACertificates } from 'node:tls';
import type { HttpSettings } from '#config';
import type { GatewayIdentity } from '#identity';
import { messageOf } from '#lib';
import type { Policy } from '#policy';
import { profileUnder } from '#policy';
import type { HttpUpstreamTls } from '#transport';
import { EgressFileInvalid } from './errors.ts';

type TlsSettings = NonNullable<HttpSettings['tls']>;
type ClientCredential = NonNullable<HttpUpstreamTls['clientCredential']>;

/** What is in force when a link is made. */
export interface InForce {
  readonly policy: () => Policy;
  /** `null` where there is no gateway, such as in `postern check`. */
  readonly identity: () => GatewayIdentity | null;
}

/**
 * How links to a server are made, from its settings and the files that they name. The answer stays
 * the same object while nothing changes: making a TLS context of it costs milliseconds.
 *
 * @throws EgressFileInvalid when a file cannot be read, or does not hold what it should.
 */
export async function egressTls(
  { profile, ca, serverName, pins, clientCertificate }: TlsSettings,
  inForce: InForce,
): Promise<() => HttpUpstreamTls> {
  const caPem = await caPemOf(ca);
  const own = await ownCredential(clientCertificate);
  let made: { policy: Policy; identity: GatewayIdentity | null; tls: HttpUpstreamTls } | null =
    null;
  return () => {
    const policy = inForce.policy();
    const identity = inForce.identity();
    if (made?.policy === policy && made.identity === identity) return made.tls;
    const credential = clientCertificate === 'gateway' ? gatewayCredential(identity) : own;
    const tls: HttpUpstreamTls = {
      profile: profileUnder(policy.links, profile),
      caPem,
      serverName,
      pins,
      ...(credential === null ? {} : { clientCredential: credential }),
    };
    made = { policy, identity, tls };
    return tls;
  };
}

async function caPemOf(ca: TlsSettings['ca']): Promise<string | null> {
  if (ca === null) return null;
  if (ca === 'system') return getCACertificates('system').join('\n');
  const pem = await read(ca.file);
  return check(ca.file, 'a certificate in PEM', () => {
    void new X509Certificate(pem);
    return pem;
  });
}

async function ownCredential(
  certificate: TlsSettings['clientCertificate'],
): Promise<ClientCredential | null> {
  if (certificate === null || certificate === 'gateway') return null;
  const { certificateFile, keyFile } = certificate;
  const [chainPem, keyPem] = await Promise.all([read(certificateFile), read(keyFile)]);
  const leaf = check(certificateFile, 'a certificate in PEM', () => new X509Certificate(chainPem));
  const key = check(keyFile, 'a private key in PEM without a passphrase', () =>
    createPrivateKey(keyPem),
  );
  if (leaf.checkPrivateKey(key)) return { chainPem, keyPem };
  throw new EgressFileInvalid(`${keyFile} is not the key of ${certificateFile}`);
}

/** The first one, ML-DSA: who asks the gateway for a certificate of its own can verify it. */
function gatewayCredential(identity: GatewayIdentity | null): ClientCredential | null {
  const [first] = identity?.credentials ?? [];
  return first === undefined ? null : { chainPem: first.chainPem, keyPem: first.keyPem };
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new EgressFileInvalid(`${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

function check<T>(path: string, what: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new EgressFileInvalid(`${path} does not hold ${what}`, { cause });
  }
}
