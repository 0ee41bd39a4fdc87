import type { X509Certificate } from 'node:crypto';
import { createPrivateKey } from 'node:crypto';
import { Socket } from 'node:net';
import type { SecureContext, SecureContextOptions } from 'node:tls';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { SignatureScheme } from '#crypto';
import { signatureOfKey } from '#crypto';
import { UpstreamLinkRefused } from '../errors.ts';

/** What the gateway shows to a server that asks for it. */
export type ClientCredential = PemCredential | Pkcs12Credential;

interface PemCredential {
  readonly keyPem: string;
  readonly chainPem: string;
}

/** Certificate and key in one container (RFC 7292). */
interface Pkcs12Credential {
  readonly pfx: Buffer;
  readonly passphrase: string;
}

/** The part of Node's TLS options that a credential decides. */
export function credentialOptions(credential: ClientCredential): SecureContextOptions {
  if ('pfx' in credential) return { pfx: credential.pfx, passphrase: credential.passphrase };
  return { key: credential.keyPem, cert: credential.chainPem };
}

/**
 * With what the credential signs.
 *
 * @param context made with the credential; the only way to what is in a container, which Node.js
 *   opens for OpenSSL alone.
 * @throws UpstreamLinkRefused when it cannot be told.
 */
export function signatureOf(credential: ClientCredential, context: SecureContext): SignatureScheme {
  const key =
    'pfx' in credential ? certificateIn(context)?.publicKey : createPrivateKey(credential.keyPem);
  const scheme = key === undefined ? undefined : signatureOfKey(key);
  if (scheme !== undefined) return scheme;
  throw unknownKey();
}

/**
 * The certificate in a PKCS#12 container that fits its key.
 *
 * @throws Error of OpenSSL when the container cannot be opened, or UpstreamLinkRefused when it is not
 *   known with what the key signs.
 */
export function leafOfPkcs12(pfx: Buffer, passphrase: string): X509Certificate {
  const leaf = certificateIn(createSecureContext(credentialOptions({ pfx, passphrase })));
  if (leaf === undefined || signatureOfKey(leaf.publicKey) === undefined) throw unknownKey();
  return leaf;
}

function unknownKey(): Error {
  return new UpstreamLinkRefused(
    'the client certificate has an unknown kind of key, or there is none',
  );
}

/** A socket tells its own certificate; it need not be connected for that. */
function certificateIn(context: SecureContext): X509Certificate | undefined {
  const socket = new TLSSocket(new Socket(), { isServer: true, secureContext: context });
  try {
    return socket.getX509Certificate();
  } finally {
    socket.destroy();
  }
}
