import type { KeyPair } from '../keys.ts';
import { webAlgorithmOf, webSign } from '../keys.ts';
import { loadLibrary } from '../x509-library.ts';

/**
 * A request for a certificate (PKCS#10, RFC 2986), DER: the public key, signed by its private key.
 *
 * @param commonName what the subject is to be called; `null` leaves the name to the gateway.
 */
export async function makeCertificateRequest(
  keys: KeyPair,
  commonName: string | null,
): Promise<Buffer> {
  const x509 = await loadLibrary();
  const algorithm = webAlgorithmOf(keys.publicKey);
  const key = { algorithm } as unknown as CryptoKey;
  const request = await x509.Pkcs10CertificateRequestGenerator.create(
    {
      name: new x509.Name(commonName === null ? [] : [{ CN: [commonName] }]),
      keys: { publicKey: key, privateKey: key },
      signingAlgorithm: algorithm as { name: string; hash: string },
    },
    cryptoOf(keys),
  );
  return Buffer.from(request.rawData);
}

/** The two WebCrypto operations that the library uses to make a request, done by node:crypto. */
function cryptoOf({ publicKey, privateKey }: KeyPair): Crypto {
  const subtle = {
    exportKey: (): Promise<Uint8Array> =>
      Promise.resolve(publicKey.export({ type: 'spki', format: 'der' })),
    sign: (_algorithm: unknown, _key: unknown, data: ArrayBuffer): Promise<Uint8Array> =>
      Promise.resolve(webSign(privateKey, new Uint8Array(data))),
  };
  return { subtle } as unknown as Crypto;
}
