import { createPrivateKey, hash, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { CertificateFiles, HttpSettings } from '#config';
import { canProveChannel, publishedDirOf, readPublished } from '#identity';
import { Kept, messageOf, readSmallFile } from '#lib';
import type { HttpUpstreamTls } from '#transport';
import { leafOfPkcs12 } from '#transport';
import { LinkFileInvalid } from './errors.ts';

type TlsSettings = NonNullable<HttpSettings['tls']>;
type ClientCredential = NonNullable<HttpUpstreamTls['clientCredential']>;

/** Files of a link that only make sense together, and what they hold. */
export interface FollowedFiles<T> {
  readonly paths: readonly string[];
  readonly kept: Kept<T>;
}

/** Told when files are read while the gateway runs. */
export interface FollowEvents {
  readonly onChange: (paths: readonly string[]) => void;
  /** What was in force stays so. */
  readonly onTrouble: (paths: readonly string[], thrown: unknown) => void;
}

/** Bundles of authorities have up to 1 MB, revocation lists of large authorities more. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

/** The file of authorities, PEM. */
export function authorityFile(path: string, events: FollowEvents): FollowedFiles<string> {
  return keep([path], events, (content) => {
    const blocks = pemBlocks(path, content, 'CERTIFICATE');
    check(path, 'certificates in PEM', () => blocks.map((block) => new X509Certificate(block)));
    return blocks.join('');
  });
}

/** The file of revocation lists, as PEM of one list each. */
export function revocationFile(
  path: string,
  events: FollowEvents,
): FollowedFiles<readonly string[]> {
  return keep([path], events, (content) => {
    const blocks = pemBlocks(path, content, 'X509 CRL');
    check(path, 'revocation lists in PEM', () => blocks.map((crl) => createSecureContext({ crl })));
    return blocks;
  });
}

/** The revocation lists of the gateway's own authorities, which change with every revocation. */
export function ownRevocationLists(
  stateDir: string,
  { onChange, onTrouble }: FollowEvents,
): FollowedFiles<readonly string[]> {
  const paths = [join(publishedDirOf(stateDir), 'pq.crl')];
  const kept = new Kept<readonly string[]>({
    read: async () => {
      const lists = await readPublished(stateDir);
      return { make: () => lists, mark: hash('sha256', lists.join('')) };
    },
    onChange: () => onChange(paths),
    onTrouble: (thrown) => onTrouble(paths, thrown),
  });
  return { paths, kept };
}

/** The files of a client certificate and its key. */
export function credentialFiles(
  files: Exclude<TlsSettings['clientCertificate'], 'gateway' | null>,
  events: FollowEvents,
): FollowedFiles<ClientCredential> {
  return 'pkcs12File' in files ? containerFiles(files, events) : pemFiles(files, events);
}

function containerFiles(
  { pkcs12File, passphraseFile }: { pkcs12File: string; passphraseFile: string },
  events: FollowEvents,
): FollowedFiles<ClientCredential> {
  return keep([pkcs12File, passphraseFile], events, (pfx, secret) => {
    if (pfx === undefined) throw new LinkFileInvalid(`${pkcs12File} was not read`);
    const passphrase = String(secret).replace(/\r?\n$/, '');
    try {
      leafOfPkcs12(pfx, passphrase);
    } catch (cause) {
      const message = `${pkcs12File} cannot be used with the passphrase of ${passphraseFile}: ${messageOf(cause)}`;
      throw new LinkFileInvalid(message, { cause });
    }
    return { pfx, passphrase };
  });
}

/** The certificate of a credential, without its authorities. */
export function leafOf(credential: ClientCredential): X509Certificate {
  if ('pfx' in credential) return leafOfPkcs12(credential.pfx, credential.passphrase);
  return new X509Certificate(credential.chainPem);
}

/** A certificate with its authorities, and its key. */
export interface PemCredential {
  readonly keyPem: string;
  readonly chainPem: string;
}

/** The files of a second, classical certificate and its key. */
export function proofFiles(
  files: CertificateFiles,
  events: FollowEvents,
): FollowedFiles<PemCredential> {
  return pemFiles(files, events, ({ keyPem }) => {
    if (canProveChannel(keyPem)) return;
    throw new LinkFileInvalid(`${files.keyFile} is neither an ECDSA nor an Ed25519 key`);
  });
}

/**
 * The files of a certificate and its key, PEM.
 *
 * @param verify throws for a pair that is no good for its purpose
 */
export function pemFiles(
  { certificateFile, keyFile }: CertificateFiles,
  events: FollowEvents,
  verify: (credential: PemCredential) => void = () => undefined,
): FollowedFiles<PemCredential> {
  return keep([certificateFile, keyFile], events, (certificate, key) => {
    const chainPem = pemBlocks(certificateFile, certificate, 'CERTIFICATE').join('');
    const keyPem = String(key);
    const leaf = check(
      certificateFile,
      'a certificate in PEM',
      () => new X509Certificate(chainPem),
    );
    const privateKey = check(keyFile, 'a private key in PEM without a passphrase', () =>
      createPrivateKey(keyPem),
    );
    if (leaf.checkPrivateKey(privateKey)) {
      verify({ chainPem, keyPem });
      return { chainPem, keyPem };
    }
    throw new LinkFileInvalid(`${keyFile} is not the key of ${certificateFile}`);
  });
}

function keep<T>(
  paths: readonly string[],
  { onChange, onTrouble }: FollowEvents,
  parse: (...contents: readonly Buffer[]) => T,
): FollowedFiles<T> {
  const kept = new Kept<T>({
    read: async () => {
      const contents = await Promise.all(paths.map(read));
      const mark = contents.map((content) => hash('sha256', content)).join();
      return { mark, make: () => parse(...contents) };
    },
    onChange: () => onChange(paths),
    onTrouble: (thrown) => onTrouble(paths, thrown),
  });
  return { paths, kept };
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readSmallFile(path, MAX_FILE_BYTES);
  } catch (cause) {
    throw new LinkFileInvalid(`${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

/** Every block of one kind. A file that was cut amid one would otherwise seem to hold fewer. */
function pemBlocks(path: string, content: Buffer | undefined, label: string): readonly string[] {
  const text = String(content);
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  const [, ...parts] = text.split(begin);
  const blocks = parts.flatMap((part) => {
    const length = part.indexOf(end);
    return length === -1 ? [] : [`${begin}${part.slice(0, length)}${end}\n`];
  });
  if (blocks.length > 0 && blocks.length === parts.length) return blocks;
  const what = label === 'X509 CRL' ? 'revocation lists' : 'a certificate';
  throw new LinkFileInvalid(`${path} does not hold ${what} in PEM, or was cut off`);
}

function check<T>(path: string, what: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new LinkFileInvalid(`${path} does not hold ${what}`, { cause });
  }
}
