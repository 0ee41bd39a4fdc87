import type { KeyObject, X509Certificate } from 'node:crypto';
import { createPrivateKey } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { SignatureScheme } from '#crypto';
import { signatureOfKey } from '#crypto';
import { messageOf } from '#lib';
import { Pkcs12Invalid, Pkcs12Locked, Pkcs12Unsupported } from '../errors.ts';
import { privatePem } from '../keys.ts';
import { isIssuedBy } from '../issued-by.ts';
import type { KeyBag } from './key-bags.ts';
import { readKeyBags } from './key-bags.ts';
import { certificatesShown } from './shown-certificates.ts';

/** What a PKCS#12 container holds of one server or client. */
export interface Pkcs12Content {
  /** PKCS#8 PEM without a passphrase. */
  readonly keyPem: string;
  readonly leaf: X509Certificate;
  /** Who vouches for the leaf, each followed by who vouches for it, as far as the container has them. */
  readonly authorities: readonly X509Certificate[];
  /** With what the key signs in TLS. */
  readonly scheme: SignatureScheme;
}

/**
 * Opens a PKCS#12 container (RFC 7292). OpenSSL verifies its MAC, decrypts, and finds the certificate
 * that fits the key.
 *
 * @throws Pkcs12Invalid, Pkcs12Locked or Pkcs12Unsupported; none of them tells the passphrase.
 */
export async function openPkcs12(container: Buffer, passphrase: string): Promise<Pkcs12Content> {
  const bags = await readKeyBags(container);
  const options = { pfx: container, passphrase };
  try {
    createSecureContext(options);
  } catch (cause) {
    throw refusal(cause);
  }
  const [leaf, ...others] = await certificatesShown(options).catch((cause: unknown) => {
    throw new Pkcs12Unsupported(`TLS 1.3 cannot work with it: ${messageOf(cause)}`, {
      cause,
      hint: UNFIT_KEY,
    });
  });
  if (leaf === undefined) throw new Pkcs12Invalid('the container has no certificate');
  const scheme = signatureOfKey(leaf.publicKey);
  if (scheme === undefined) {
    throw new Pkcs12Unsupported('TLS 1.3 cannot sign with such a key', { hint: UNFIT_KEY });
  }
  const key = keyOf(leaf, bags, passphrase);
  return { keyPem: privatePem(key), leaf, authorities: chainAbove(leaf, others), scheme };
}

const UNFIT_KEY =
  'Have a certificate issued for an ML-DSA, ECDSA or Ed25519 key, or for RSA with 2048 bits or more.';

/** OpenSSL's refusal of a container, by what a person can do about it. */
function refusal(cause: unknown): Error {
  const why = messageOf(cause);
  if (/mac verify|bad decrypt|decrypt error|cipherfinal/i.test(why)) {
    return new Pkcs12Locked(`the container cannot be opened with this passphrase: ${why}`, {
      cause,
    });
  }
  const what = `OpenSSL does not take the container: ${why}`;
  if (/too small|too weak/i.test(why))
    return new Pkcs12Unsupported(what, { cause, hint: UNFIT_KEY });
  if (/unsupported|unknown/i.test(why)) return new Pkcs12Unsupported(what, { cause });
  return new Pkcs12Invalid(what, { cause });
}

function keyOf(leaf: X509Certificate, bags: readonly KeyBag[], passphrase: string): KeyObject {
  for (const { der } of bags) {
    const key = decrypt(der, passphrase);
    if (key !== null && leaf.checkPrivateKey(key)) return key;
  }
  throw new Pkcs12Unsupported('the private key of the certificate is not where it can be read');
}

/** The key in a bag; `null` for one that is of another kind or has another passphrase. */
function decrypt(der: Buffer, passphrase: string): KeyObject | null {
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8', passphrase });
  } catch {
    return null;
  }
}

/** Those that lead up from the leaf, each one once. */
function chainAbove(
  leaf: X509Certificate,
  others: readonly X509Certificate[],
): readonly X509Certificate[] {
  const above: X509Certificate[] = [];
  const left = new Map(others.map((other) => [other.fingerprint256, other]));
  left.delete(leaf.fingerprint256);
  for (let last = leaf; ;) {
    const next = [...left.values()].find((other) => isIssuedBy(last, other));
    if (next === undefined) return above;
    left.delete(next.fingerprint256);
    above.push(next);
    last = next;
  }
}
