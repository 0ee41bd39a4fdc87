/**
 * Certificates as the answer of an EST server has them: a CMS SignedData without content and signers
 * (RFC 5652 §5.1, RFC 5272 §4.1). The form is fixed, so it needs no library, which the gateway's
 * process would have to load for this alone.
 */

const SEQUENCE = 0x30;
const SET = 0x31;
const CONTEXT_0 = 0xa0;

const VERSION_1 = Buffer.from('020101', 'hex');
const SIGNED_DATA = Buffer.from('06092a864886f70d010702', 'hex');
const DATA = Buffer.from('06092a864886f70d010701', 'hex');

/**
 * Puts certificates (DER) into one certs-only message, in their order. The field is a SET, so readers
 * must not rely on the order, but many do.
 */
export function certsOnly(certificates: readonly Uint8Array[]): Buffer {
  const signedData = element(
    SEQUENCE,
    VERSION_1,
    element(SET),
    element(SEQUENCE, DATA),
    element(CONTEXT_0, ...certificates),
    element(SET),
  );
  return element(SEQUENCE, SIGNED_DATA, element(CONTEXT_0, signedData));
}

/** One DER element (X.690 §8.1) with this content. */
function element(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag, ...lengthOctets(content.length)]), content]);
}

function lengthOctets(length: number): readonly number[] {
  if (length < 0x80) return [length];
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return [0x80 | octets.length, ...octets];
}
