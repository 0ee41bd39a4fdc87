import { isGrease, readCodePoints, readKeyShareGroups } from './code-points.ts';
import type { Cursor } from './cursor.ts';
import { EXTENSION } from './extension-types.ts';
import { readProtocolNames, readServerName } from './names.ts';

/** Extensions of one hello. Browsers send about 18; some 60 are registered, not all for hellos. */
const MAX_EXTENSIONS = 64;

/** What the extensions say. */
export interface ExtensionFields {
  /** Types in the order sent, without GREASE. */
  readonly types: number[];
  serverName: string | null;
  supportedGroups: number[];
  signatureAlgorithms: number[];
  alpn: string[];
  hasPreSharedKey: boolean;
  hasEarlyData: boolean;
  supportedVersions: number[] | null;
  certificateSignatureAlgorithms: number[] | null;
  keyShareGroups: number[];
  hasEncryptedClientHello: boolean;
}

/** Reads the contents of an extensions block (RFC 8446 §4.2), each type at most once. */
export function readExtensions(block: Cursor): ExtensionFields {
  const fields = noExtensions();
  const seen = new Set<number>();
  while (block.hasMore()) {
    const type = block.u16('an extension');
    const data = block.vector16('an extension');
    if (seen.has(type)) block.fail('an extension is sent twice');
    if (seen.add(type).size > MAX_EXTENSIONS) block.fail('there are too many extensions');
    if (isGrease(type)) block.findings.grease = true;
    else fields.types.push(type);
    READERS.get(type)?.(data, fields);
  }
  return fields;
}

function noExtensions(): ExtensionFields {
  return {
    types: [],
    serverName: null,
    supportedGroups: [],
    signatureAlgorithms: [],
    alpn: [],
    hasPreSharedKey: false,
    hasEarlyData: false,
    supportedVersions: null,
    certificateSignatureAlgorithms: null,
    keyShareGroups: [],
    hasEncryptedClientHello: false,
  };
}

type ReadExtension = (data: Cursor, fields: ExtensionFields) => void;

/** How to read the extensions that matter here; the others are only listed. */
const READERS: ReadonlyMap<number, ReadExtension> = new Map<number, ReadExtension>([
  [EXTENSION.serverName, readServerNameExtension],
  [EXTENSION.supportedGroups, readSupportedGroups],
  [EXTENSION.signatureAlgorithms, readSignatureAlgorithms],
  [EXTENSION.alpn, readAlpn],
  [EXTENSION.preSharedKey, notePreSharedKey],
  [EXTENSION.earlyData, readEarlyData],
  [EXTENSION.supportedVersions, readSupportedVersions],
  [EXTENSION.signatureAlgorithmsCert, readSignatureAlgorithmsCert],
  [EXTENSION.keyShare, readKeyShare],
  [EXTENSION.encryptedClientHello, noteEncryptedClientHello],
]);

function readServerNameExtension(data: Cursor, fields: ExtensionFields): void {
  fields.serverName = readServerName(data.vector16('server_name'));
  data.finish('server_name');
}

function readSupportedGroups(data: Cursor, fields: ExtensionFields): void {
  const list = data.vector16('supported_groups');
  fields.supportedGroups = readCodePoints(list, 'supported_groups');
  data.finish('supported_groups');
}

function readSignatureAlgorithms(data: Cursor, fields: ExtensionFields): void {
  const list = data.vector16('signature_algorithms');
  fields.signatureAlgorithms = readCodePoints(list, 'signature_algorithms');
  data.finish('signature_algorithms');
}

function readAlpn(data: Cursor, fields: ExtensionFields): void {
  fields.alpn = readProtocolNames(data.vector16('alpn'));
  data.finish('alpn');
}

/** What is in it is between the client and OpenSSL. */
function notePreSharedKey(_data: Cursor, fields: ExtensionFields): void {
  fields.hasPreSharedKey = true;
}

/** Empty in a hello; other messages have a number in it. */
function readEarlyData(data: Cursor, fields: ExtensionFields): void {
  fields.hasEarlyData = true;
  data.finish('early_data');
}

function readSupportedVersions(data: Cursor, fields: ExtensionFields): void {
  const list = data.vector8('supported_versions');
  fields.supportedVersions = readCodePoints(list, 'supported_versions');
  data.finish('supported_versions');
}

function readSignatureAlgorithmsCert(data: Cursor, fields: ExtensionFields): void {
  const list = data.vector16('signature_algorithms_cert');
  fields.certificateSignatureAlgorithms = readCodePoints(list, 'signature_algorithms_cert');
  data.finish('signature_algorithms_cert');
}

function readKeyShare(data: Cursor, fields: ExtensionFields): void {
  fields.keyShareGroups = readKeyShareGroups(data.vector16('key_share'));
  data.finish('key_share');
}

function noteEncryptedClientHello(_data: Cursor, fields: ExtensionFields): void {
  fields.hasEncryptedClientHello = true;
}
