import { FrameAmbiguous, FrameNotRpc } from './errors.ts';
import type { JsonLimits } from './json.ts';
import { readJson } from './json.ts';

/** A JSON-RPC id; MCP forbids `null`. */
export type RpcId = string | number;

/** Any JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** One JSON-RPC message together with the exact bytes it was read from. */
export type Frame = RequestFrame | NotificationFrame | ResponseFrame;

export interface RequestFrame {
  readonly kind: 'request';
  readonly bytes: Buffer;
  readonly id: RpcId;
  readonly method: string;
  readonly params: JsonObject;
}

export interface NotificationFrame {
  readonly kind: 'notification';
  readonly bytes: Buffer;
  readonly method: string;
  readonly params: JsonObject;
}

export interface ResponseFrame {
  readonly kind: 'response';
  readonly bytes: Buffer;
  /** `null` only in an error that answers an unreadable request. */
  readonly id: RpcId | null;
  readonly outcome:
    | { readonly result: JsonObject }
    | { readonly error: { readonly code: number; readonly message: string } };
}

/** Longer keys fold to no protocol key, and folding is what costs. */
const MAX_FOLDED_LENGTH = 128;

/** The keys that decide what a message is and names, by the object they stand in. */
const ENVELOPE_KEYS = keys('jsonrpc', 'id', 'method', 'params', 'result', 'error');
const PARAMS_KEYS = keys(
  'name',
  'arguments',
  'uri',
  'ref',
  '_meta',
  'taskId',
  'requestId',
  'requestState',
  'notifications',
);
const NESTED_KEYS: readonly (readonly [string, KnownKeys])[] = [
  ['ref', keys('type', 'name', 'uri')],
  ['notifications', keys('resourceSubscriptions')],
  ['_meta', keys('progressToken', 'io.modelcontextprotocol/protocolVersion')],
];

/**
 * Reads one JSON-RPC 2.0 message. What policy sees is exactly what `bytes` say: whatever another
 * parser could read differently is refused.
 *
 * @throws FrameTooLarge, FrameInvalidJson, FrameTooDeep, FrameAmbiguous or FrameNotRpc.
 */
export function readFrame(bytes: Buffer, limits: JsonLimits): Frame {
  const message = readJson(bytes, limits);
  if (Array.isArray(message))
    throw new FrameNotRpc('only revision 2025-03-26 has batches of messages');
  if (!isObject(message)) throw new FrameNotRpc('message is not a JSON object');
  refuseVariants(message, ENVELOPE_KEYS);
  if (message['jsonrpc'] !== '2.0') throw new FrameNotRpc('"jsonrpc" is not "2.0"');
  return 'method' in message ? readCall(bytes, message) : readResponse(bytes, message);
}

/** A JSON-RPC error that answers the request with this id. */
export function errorFrame(id: RpcId, error: { code: number; message: string }): ResponseFrame {
  const bytes = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, error }));
  return { kind: 'response', bytes, id, outcome: { error } };
}

/** Whether a parsed JSON value is an object (not an array, not null). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `params._meta`, empty when absent or not an object. */
export function metaOf(params: JsonObject): JsonObject {
  const meta = params['_meta'];
  return isObject(meta) ? meta : {};
}

/** A string or finite number as an id or progress token, `undefined` for anything else. */
export function asRpcId(value: unknown): RpcId | undefined {
  return typeof value === 'string' || Number.isFinite(value) ? (value as RpcId) : undefined;
}

/** A map key that keeps the id `1` apart from the id `"1"`. */
export function idKey(id: RpcId): string {
  return typeof id === 'string' ? `s${id}` : `n${id}`;
}

function readCall(bytes: Buffer, message: JsonObject): RequestFrame | NotificationFrame {
  const { method, params = {} } = message;
  if (typeof method !== 'string' || method === '') throw new FrameNotRpc('"method" is no string');
  if (!isObject(params)) throw new FrameNotRpc('"params" is not an object');
  if ('result' in message || 'error' in message) {
    throw new FrameNotRpc('message is both a request and a response');
  }
  refuseVariants(params, PARAMS_KEYS);
  for (const [key, known] of NESTED_KEYS) {
    const nested = params[key];
    if (isObject(nested)) refuseVariants(nested, known);
  }
  if (!('id' in message)) return { kind: 'notification', bytes, method, params };
  const id = asRpcId(message['id']);
  if (id === undefined) throw new FrameNotRpc('"id" is neither a string nor a number');
  return { kind: 'request', bytes, id, method, params };
}

function readResponse(bytes: Buffer, message: JsonObject): ResponseFrame {
  const { id, result, error } = message;
  if ('result' in message === 'error' in message) {
    throw new FrameNotRpc('message has no "method" and not exactly one of "result" and "error"');
  }
  if (isObject(error)) {
    const { code, message: text } = error;
    if (!Number.isInteger(code) || typeof text !== 'string') {
      throw new FrameNotRpc('"error" has no integer "code" and string "message"');
    }
    const known = asRpcId(id) ?? null;
    return {
      kind: 'response',
      bytes,
      id: known,
      outcome: { error: { code: code as number, message: text } },
    };
  }
  const answered = asRpcId(id);
  if (answered === undefined) throw new FrameNotRpc('"id" is neither a string nor a number');
  if (!isObject(result)) throw new FrameNotRpc('"result" is not an object');
  return { kind: 'response', bytes, id: answered, outcome: { result } };
}

/**
 * Some servers match keys without regard to letter case (CVE-2026-27896), and some of them fold more
 * than ASCII: to Go, `paramſ` is `params`. Such a key would be read by one side and not by the other.
 */
function refuseVariants(object: JsonObject, { names, folded }: KnownKeys): void {
  for (const key of Object.keys(object)) {
    if (!names.has(key) && folded.has(fold(key))) {
      throw new FrameAmbiguous('message has a protocol key in another spelling', {
        details: { key: key.slice(0, 64) },
      });
    }
  }
}

interface KnownKeys {
  readonly names: ReadonlySet<string>;
  /** What the names fold to. */
  readonly folded: ReadonlySet<string>;
}

function keys(...names: readonly string[]): KnownKeys {
  return { names: new Set(names), folded: new Set(names.map(fold)) };
}

/** What the laxest of parsers would still take for the same key. */
function fold(key: string): string {
  if (key.length > MAX_FOLDED_LENGTH) return key;
  return key.normalize('NFKC').toUpperCase().toLowerCase();
}
