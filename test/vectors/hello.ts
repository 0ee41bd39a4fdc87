/** Hellos of TLS 1.3 (RFC 8446 §4.1), for handshakes between programs that trust each other. */
import type { Cipher, Group } from '#crypto';

const CLIENT_HELLO = 1;
const TLS_1_2 = 0x0303;
const TLS_1_3 = 0x0304;
const ECDSA_P256 = 0x0403;
/** Bytes of a message before its session id: header, version, random. */
const SESSION_ID_AT = 4 + 2 + 32;

/** Types of extensions. */
export const EXTENSION = {
  supportedGroups: 10,
  signatureAlgorithms: 13,
  supportedVersions: 43,
  keyShare: 51,
} as const;

/** A ClientHello that offers one group, with its share, and one cipher suite. */
export function clientHello(group: Group, share: Buffer, cipher: Cipher): Buffer {
  const extensions = [
    extension(EXTENSION.supportedVersions, vector(1, u16(TLS_1_3))),
    extension(EXTENSION.supportedGroups, vector(2, u16(group.ianaId))),
    extension(EXTENSION.signatureAlgorithms, vector(2, u16(ECDSA_P256))),
    extension(EXTENSION.keyShare, vector(2, u16(group.ianaId), vector(2, share))),
  ];
  const noSession = vector(1);
  const noCompression = vector(1, Buffer.alloc(1));
  return Buffer.concat([
    Buffer.of(CLIENT_HELLO),
    vector(
      3,
      u16(TLS_1_2),
      Buffer.alloc(32, 0xaa),
      noSession,
      vector(2, u16(cipher.ianaId)),
      noCompression,
      vector(2, ...extensions),
    ),
  ]);
}

/** A message in one record. */
export function inRecord(message: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0x16, 3, 1), vector(2, message)]);
}

/** The message in the first of some records. */
export function firstMessage(records: Buffer): Buffer {
  return contentAt(records, 3, 2);
}

/** The extensions of a ClientHello by type, without their lengths. */
export function extensionsOfClient(message: Buffer): ReadonlyMap<number, Buffer> {
  const suitesAt = SESSION_ID_AT + 1 + contentAt(message, SESSION_ID_AT, 1).length;
  const compressionAt = suitesAt + 2 + contentAt(message, suitesAt, 2).length;
  return extensionsAt(message, compressionAt + 1 + contentAt(message, compressionAt, 1).length);
}

/** What a ServerHello chose, and its extensions by type. */
export function readServerHello(message: Buffer): {
  readonly cipher: number;
  readonly extensions: ReadonlyMap<number, Buffer>;
} {
  const cipherAt = SESSION_ID_AT + 1 + contentAt(message, SESSION_ID_AT, 1).length;
  return {
    cipher: message.readUInt16BE(cipherAt),
    extensions: extensionsAt(message, cipherAt + 3),
  };
}

/** The code points in an extension that holds one list of them. */
export function codePoints(extensionData: Buffer | undefined): number[] {
  const list = contentAt(extensionData ?? Buffer.alloc(2), 0, 2);
  return Array.from({ length: list.length / 2 }, (_, index) => list.readUInt16BE(2 * index));
}

/** A vector of TLS, its length in that many bytes before it. */
export function vector(lengthBytes: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(content.length, 0, lengthBytes);
  return Buffer.concat([length, content]);
}

export function u16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff);
}

function extension(type: number, data: Buffer): Buffer {
  return Buffer.concat([u16(type), vector(2, data)]);
}

function extensionsAt(message: Buffer, at: number): ReadonlyMap<number, Buffer> {
  const block = contentAt(message, at, 2);
  const extensions = new Map<number, Buffer>();
  for (let start = 0; start < block.length;) {
    const data = contentAt(block, start + 2, 2);
    extensions.set(block.readUInt16BE(start), data);
    start += 4 + data.length;
  }
  return extensions;
}

function contentAt(bytes: Buffer, at: number, lengthBytes: number): Buffer {
  const start = at + lengthBytes;
  return bytes.subarray(start, start + bytes.readUIntBE(at, lengthBytes));
}
