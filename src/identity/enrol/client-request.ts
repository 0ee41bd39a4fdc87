import type { X509Certificate } from 'node:crypto';
import type { ClientAlgorithm, IssuedClient } from '../client.ts';
import { isClientName, parseClientName } from '../client-name.ts';
import { EnrolmentAnswerInvalid } from '../errors.ts';
import type { KeyPair } from '../keys.ts';
import { generateKeys, privatePem } from '../keys.ts';
import { parseSpiffeId, spiffeIdOfCertificate } from '../spiffe.ts';
import { schemeOf } from './algorithms.ts';
import { makeCertificateRequest } from './make-request.ts';
import { certificatesIn } from '../pem.ts';
import { readCerts } from './read-certs.ts';

/** A request for a certificate whose key was made here and has not left. */
export interface ClientRequest {
  /** PKCS#10, DER: what to send. */
  readonly der: Buffer;
  /**
   * Takes the answer: a certs-only message. Its certificate must have the request's key and name,
   * be in date and chain to one of the roots.
   *
   * @param caPem the roots, from a link that was verified.
   * @throws EnrolmentAnswerInvalid
   */
  accept(answer: Uint8Array, caPem: string): Promise<IssuedClient>;
}

/**
 * Makes a key and a request for its certificate.
 *
 * @param name of the client; `null` to be given the name that the gateway has for it.
 * @throws ClientNameInvalid
 */
export async function makeClientRequest(
  algorithm: ClientAlgorithm,
  name: string | null,
): Promise<ClientRequest> {
  if (name !== null) parseClientName(name);
  const keys = generateKeys(schemeOf(algorithm));
  return {
    der: await makeCertificateRequest(keys, name),
    accept: async (answer, caPem) => accept(keys, name, await readCerts(answer), caPem),
  };
}

function accept(
  keys: KeyPair,
  wantedName: string | null,
  answered: readonly X509Certificate[],
  caPem: string,
): IssuedClient {
  const leaf = answered.find((each) => each.checkPrivateKey(keys.privateKey));
  if (leaf === undefined) throw invalid('none of the certificates has the key of the request');
  const { name, spiffeId } = clientIn(leaf);
  if (wantedName !== null && name !== wantedName) {
    throw invalid(`the certificate is for ${name}, not for ${wantedName}`);
  }
  const chain = chainOf(leaf, answered, certificatesIn(caPem));
  for (const each of chain) refuseOutOfDate(each, Date.now());
  return {
    name,
    spiffeId,
    keyPem: privatePem(keys.privateKey),
    chainPem: chain.map((each) => each.toString()).join(''),
    caPem,
    notAfterMs: leaf.validToDate.getTime(),
  };
}

/** Whom a client's certificate names. @throws EnrolmentAnswerInvalid when it names no client. */
export function clientIn(leaf: X509Certificate): { name: string; spiffeId: string } {
  const spiffeId = spiffeIdOfCertificate(leaf);
  const [kind, name = '', ...rest] = spiffeId === null ? [] : parseSpiffeId(spiffeId).path;
  if (spiffeId === null || kind !== 'client' || rest.length > 0 || !isClientName(name)) {
    throw invalid('the certificate names no client');
  }
  return { name, spiffeId };
}

/** From the leaf up to the last certificate below a root. */
function chainOf(
  leaf: X509Certificate,
  others: readonly X509Certificate[],
  roots: readonly X509Certificate[],
): readonly X509Certificate[] {
  const chain = [leaf];
  for (let last = leaf; ; chain.push(last)) {
    if (roots.some((root) => isIssuer(root, last))) return chain;
    const next = others.find((other) => !chain.includes(other) && isIssuer(other, last));
    if (next === undefined) throw invalid('the certificate does not chain to the gateway’s roots');
    last = next;
  }
}

function isIssuer(issuer: X509Certificate, subject: X509Certificate): boolean {
  return issuer.ca && subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
}

function refuseOutOfDate({ validFromDate, validToDate }: X509Certificate, nowMs: number): void {
  if (validFromDate.getTime() <= nowMs && nowMs < validToDate.getTime()) return;
  throw invalid('the certificate is out of date; check the clock of this machine');
}

function invalid(message: string): Error {
  return new EnrolmentAnswerInvalid(message);
}
