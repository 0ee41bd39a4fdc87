/** Builds ClientHello messages and records byte by byte, knowing nothing of the code that reads them. */

const HANDSHAKE_RECORD = 0x16;
const CLIENT_HELLO = 1;

/** One extension as it goes on the wire. */
export interface WireExtension {
  readonly type: number;
  readonly data: Buffer;
}

/** What {@link buildHello} writes; the lists may have GREASE in them. */
export interface HelloParts {
  readonly legacyVersion?: number;
  readonly random?: Buffer;
  readonly sessionId?: Buffer;
  readonly cipherSuites?: readonly number[];
  readonly compressionMethods?: Buffer;
  /** `null` leaves the whole block out, as clients before TLS 1.2 may. */
  readonly extensions?: readonly WireExtension[] | null;
}

/** A handshake message (RFC 8446 §4) with its header. */
export function buildHello(parts: HelloParts = {}): Buffer {
  const extensions = parts.extensions === undefined ? [] : parts.extensions;
  return helloMessage(
    Buffer.concat([
      u16s([parts.legacyVersion ?? 0x0303]),
      parts.random ?? Buffer.alloc(32, 0xaa),
      vector8(parts.sessionId ?? Buffer.alloc(0)),
      vector16(u16s(parts.cipherSuites ?? [0x1301])),
      vector8(parts.compressionMethods ?? Buffer.alloc(1)),
      extensions === null ? Buffer.alloc(0) : vector16(Buffer.concat(extensions.map(wire))),
    ]),
  );
}

/** A body with the header of a ClientHello before it. */
export function helloMessage(body: Buffer): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(body.length);
  header[0] = CLIENT_HELLO;
  return Buffer.concat([header, body]);
}

/** Bytes in handshake records of at most `size` bytes each. */
export function inRecords(message: Buffer, size = 2 ** 14): Buffer {
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    records.push(record(message.subarray(at, at + size)));
  }
  return Buffer.concat(records);
}

/** One record, its length as it comes. */
export function record(payload: Buffer, type = HANDSHAKE_RECORD, version = 0x0301): Buffer {
  return Buffer.concat([Buffer.of(type), u16s([version, payload.length]), payload]);
}

/** The messages in a row of whole records. */
export function payloadOf(records: Buffer): Buffer {
  const payloads: Buffer[] = [];
  for (let at = 0; at < records.length;) {
    const end = at + 5 + records.readUInt16BE(at + 3);
    payloads.push(records.subarray(at + 5, end));
    at = end;
  }
  return Buffer.concat(payloads);
}

export function vector8(content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(content.length), content]);
}

export function vector16(content: Buffer): Buffer {
  return Buffer.concat([u16s([content.length]), content]);
}

export function u16s(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, 2 * index);
  return bytes;
}

function wire({ type, data }: WireExtension): Buffer {
  return Buffer.concat([u16s([type]), vector16(data)]);
}

/** Extensions by name. */
export const extension = {
  serverName: (host: string): WireExtension => ({
    type: 0,
    data: vector16(Buffer.concat([Buffer.of(0), vector16(Buffer.from(host, 'latin1'))])),
  }),
  supportedGroups: (groups: readonly number[]): WireExtension => list16(10, groups),
  signatureAlgorithms: (schemes: readonly number[]): WireExtension => list16(13, schemes),
  signatureAlgorithmsCert: (schemes: readonly number[]): WireExtension => list16(50, schemes),
  alpn: (names: readonly string[]): WireExtension => ({
    type: 16,
    data: vector16(Buffer.concat(names.map((name) => vector8(Buffer.from(name, 'latin1'))))),
  }),
  supportedVersions: (versions: readonly number[]): WireExtension => ({
    type: 43,
    data: vector8(u16s(versions)),
  }),
  keyShare: (groups: readonly number[], shareBytes = 32): WireExtension => ({
    type: 51,
    data: vector16(
      Buffer.concat(
        groups.map((group) =>
          Buffer.concat([u16s([group]), vector16(Buffer.alloc(shareBytes, 0x5a))]),
        ),
      ),
    ),
  }),
  preSharedKey: (): WireExtension => ({ type: 41, data: Buffer.alloc(64, 0x29) }),
  earlyData: (): WireExtension => ({ type: 42, data: Buffer.alloc(0) }),
  encryptedClientHello: (): WireExtension => ({ type: 0xfe0d, data: Buffer.alloc(200, 0xec) }),
  other: (type: number, data: Buffer = Buffer.alloc(0)): WireExtension => ({ type, data }),
} as const;

function list16(type: number, values: readonly number[]): WireExtension {
  return { type, data: vector16(u16s(values)) };
}
