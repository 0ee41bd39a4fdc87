import type { OctetString } from '@peculiar/asn1-schema';
import { messageOf, PosternError } from '#lib';
import { Pkcs12Invalid, Pkcs12Unsupported } from '../errors.ts';

/** A private key as a container has it, DER. */
export interface KeyBag {
  /** PKCS#8: an EncryptedPrivateKeyInfo, or a PrivateKeyInfo in a container without encryption. */
  readonly der: Buffer;
}

/** Real containers have some ten levels and some hundred nodes. */
const BER_LIMITS = { maxDepth: 32, maxNodes: 4096 };
/** Whoever made more in one container did not mean one server or client. */
const MAX_KEYS = 16;
/** Derivations of keys, in all; OpenSSL does some two million a second. */
const MAX_ITERATIONS = 20_000_000;

const INTEGER = 0x02;
const SEQUENCE = 0x30;

/**
 * The private keys in a PKCS#12 container (RFC 7292 §4), as yet encrypted. Nothing is decrypted and
 * nothing authenticated here. What can be seen of a container without its passphrase costs OpenSSL a
 * bounded time if it passes.
 *
 * @throws Pkcs12Invalid for what is no such container, or an unreasonable one.
 * @throws Pkcs12Unsupported when the key is where only OpenSSL itself can see it.
 */
export async function readKeyBags(container: Buffer): Promise<readonly KeyBag[]> {
  const asn1 = await loadAsn1();
  let found: Contents;
  try {
    found = look(container, asn1);
  } catch (cause) {
    if (cause instanceof PosternError) throw cause;
    throw new Pkcs12Invalid(`the file is no PKCS#12 container: ${messageOf(cause)}`, { cause });
  }
  const { keys, hasEncryptedSafe, iterations } = found;
  if (iterations > MAX_ITERATIONS) {
    throw new Pkcs12Invalid(`its keys are derived with over ${MAX_ITERATIONS} iterations`);
  }
  if (keys.length > MAX_KEYS) throw new Pkcs12Invalid(`it has over ${MAX_KEYS} private keys`);
  if (keys.length > 0) return keys;
  if (!hasEncryptedSafe) throw new Pkcs12Invalid('the container has no private key');
  throw new Pkcs12Unsupported('the private key, if there is one, is inside an encrypted safe');
}

interface Contents {
  readonly keys: readonly KeyBag[];
  readonly hasEncryptedSafe: boolean;
  readonly iterations: number;
}

type Asn1 = Awaited<ReturnType<typeof loadAsn1>>;

/** Loaded on first use: a gateway that runs never opens a container this way. */
async function loadAsn1() {
  const [schema, pkcs12] = await Promise.all([
    import('@peculiar/asn1-schema'),
    import('@peculiar/asn1-pfx'),
  ]);
  /** Also one in pieces (X.690 §8.7.3), as Firefox and others write them; the library's is of one. */
  class Octets extends schema.OctetString {
    override fromASN(asn: Parameters<OctetString['fromASN']>[0]): this {
      this.buffer = asn.getValue();
      return this;
    }
  }
  class Elements extends schema.AsnArray<ArrayBuffer | null> {}
  const { Sequence } = schema.AsnTypeTypes;
  schema.AsnType({ type: Sequence, itemType: schema.AsnPropTypes.Any })(Elements);
  return { ...schema, ...pkcs12, Elements, Octets };
}

function look(container: Buffer, asn1: Asn1): Contents {
  const keys: KeyBag[] = [];
  let hasEncryptedSafe = false;
  let iterations = iterationsIn(container, asn1);
  const inData = ({ content }: { readonly content: ArrayBuffer }): ArrayBuffer =>
    parse(asn1, content, asn1.Octets).buffer;
  const lookAtBags = (der: ArrayBuffer): void => {
    for (const { bagId, bagValue } of parse(asn1, der, asn1.SafeContents)) {
      const isShrouded = bagId === asn1.id_pkcs8ShroudedKeyBag;
      if (isShrouded) iterations += iterationsIn(bagValue, asn1);
      if (isShrouded || bagId === asn1.id_keyBag) keys.push({ der: Buffer.from(bagValue) });
      if (bagId === asn1.id_SafeContents) lookAtBags(bagValue);
    }
  };
  const { authSafe } = parse(asn1, container, asn1.PFX);
  for (const safe of parse(asn1, inData(authSafe), asn1.AuthenticatedSafe)) {
    if (safe.contentType === DATA) {
      lookAtBags(inData(safe));
    } else {
      hasEncryptedSafe = true;
      iterations += iterationsIn(safe.content, asn1);
    }
  }
  return { keys, hasEncryptedSafe, iterations };
}

/** RFC 5652 §4: what is not encrypted. */
const DATA = '1.2.840.113549.1.7.1';

function parse<T>(asn1: Asn1, der: ArrayBuffer | Buffer, type: new () => T): T {
  return asn1.AsnParser.parse(der, type, { berOptions: BER_LIMITS });
}

/**
 * The sum of the whole numbers in sequences: no lower than the iterations that the parameters of MAC
 * and encryption ask for, whichever of the algorithms it is, and hardly higher.
 */
function iterationsIn(der: ArrayBuffer | Buffer, asn1: Asn1): number {
  let sum = 0;
  for (const element of parse(asn1, der, asn1.Elements)) {
    // The library's word for NULL.
    if (element === null) continue;
    const bytes = Buffer.from(element);
    if (bytes[0] === SEQUENCE) sum += iterationsIn(bytes, asn1);
    if (bytes[0] === INTEGER) sum += wholeNumber(bytes);
  }
  return sum;
}

/** An INTEGER below 2^40 (X.690 §8.3); larger ones are as good as infinite. */
function wholeNumber(der: Buffer): number {
  const length = der[1] ?? 0;
  if (length > 5) return Infinity;
  return length === 0 ? 0 : der.readUIntBE(2, length);
}
