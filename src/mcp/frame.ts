import { FrameNotRpc } from './errors.ts';
import type { JsonLimits } from './json/limits.ts';
import type { Members } from './json/members.ts';
import { scanObject } from './json/scan.ts';
import {
  ScannedCall,
  ScannedNotification,
  ScannedRequest,
  ScannedResult,
} from './scanned-frame.ts';
import { MESSAGE } from './shapes.ts';

/** A JSON-RPC id; MCP forbids `null`. */
export type RpcId = string | number;

/** Any JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * One JSON-RPC message together with the exact bytes it was read from. `params` and `outcome.result`
 * may be getters of a class, which a spread leaves out: make another frame with {@link readFrame}.
 */
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

const JSONRPC = MESSAGE.key('jsonrpc');
const ID = MESSAGE.key('id');
const METHOD = MESSAGE.key('method');
const PARAMS = MESSAGE.key('params');
const RESULT = MESSAGE.key('result');
const ERROR = MESSAGE.key('error');
const CODE = MESSAGE.key('error', 'code');
const TEXT = MESSAGE.key('error', 'message');
const VERSION = Buffer.from('"2.0"');

/**
 * Reads one JSON-RPC 2.0 message. What policy sees is exactly what `bytes` say: whatever another
 * parser could read differently is refused. `params` and `outcome.result` are built when they are
 * first used; {@link paramOf}, {@link metaEntryOf} and {@link resultEntryOf} read one key of them.
 *
 * @throws FrameTooLarge, FrameInvalidJson, FrameTooDeep, FrameTooManyKeys, FrameTokenTooLong,
 *   FrameAmbiguous or FrameNotRpc.
 */
export function readFrame(bytes: Buffer, limits: JsonLimits): Frame {
  const members = scanObject(bytes, limits, MESSAGE);
  if (members === null) {
    throw new FrameNotRpc('message is not a JSON object; only revision 2025-03-26 has batches');
  }
  if (!members.isWritten(JSONRPC, VERSION) && members.value(JSONRPC) !== '2.0')
    throw new FrameNotRpc('"jsonrpc" is not "2.0"');
  return members.has(METHOD) ? readCall(bytes, members) : readResponse(bytes, members);
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

/** The value of one key of `params`, without building the others. */
export function paramOf(frame: RequestFrame | NotificationFrame, name: string): unknown {
  return frame instanceof ScannedCall ? frame.param(name) : frame.params[name];
}

/** The value of one key of `params._meta`, without building the rest. */
export function metaEntryOf(frame: RequestFrame | NotificationFrame, key: string): unknown {
  return frame instanceof ScannedCall ? frame.metaEntry(key) : metaOf(frame.params)[key];
}

/** The value of one key of a result, without building the others; `undefined` in an error. */
export function resultEntryOf(frame: ResponseFrame, key: string): unknown {
  if (frame instanceof ScannedResult) return frame.entry(key);
  return 'result' in frame.outcome ? frame.outcome.result[key] : undefined;
}

/**
 * A string or an integer that everybody reads alike as an id or progress token, `undefined` for
 * anything else. Beyond 2^53 one parser keeps all digits and the next rounds them (RFC 8259,
 * section 6).
 */
export function asRpcId(value: unknown): RpcId | undefined {
  return typeof value === 'string' || Number.isSafeInteger(value) ? (value as RpcId) : undefined;
}

/** A map key that keeps the id `1` apart from the id `"1"`. */
export function idKey(id: RpcId): string {
  return typeof id === 'string' ? `s${id}` : `n${id}`;
}

function readCall(bytes: Buffer, members: Members): Frame {
  const method = members.value(METHOD);
  if (typeof method !== 'string' || method === '') throw new FrameNotRpc('"method" is no string');
  if (members.has(PARAMS) && !members.hasObject(PARAMS))
    throw new FrameNotRpc('"params" is not an object');
  if (members.has(RESULT) || members.has(ERROR)) {
    throw new FrameNotRpc('message is both a request and a response');
  }
  if (!members.has(ID)) return new ScannedNotification(bytes, method, members);
  return new ScannedRequest(bytes, idOf(members), method, members);
}

function readResponse(bytes: Buffer, members: Members): ResponseFrame {
  if (members.has(RESULT) === members.has(ERROR)) {
    throw new FrameNotRpc('message has no "method" and not exactly one of "result" and "error"');
  }
  if (members.hasObject(ERROR)) return readError(bytes, members);
  const id = idOf(members);
  if (!members.hasObject(RESULT)) throw new FrameNotRpc('"result" is not an object');
  return new ScannedResult(bytes, id, members);
}

function readError(bytes: Buffer, members: Members): ResponseFrame {
  const code = members.value(CODE);
  const message = members.value(TEXT);
  if (!Number.isInteger(code) || typeof message !== 'string') {
    throw new FrameNotRpc('"error" has no integer "code" and string "message"');
  }
  const id = members.value(ID) ?? null;
  return {
    kind: 'response',
    bytes,
    id: id === null ? null : idOf(members),
    outcome: { error: { code: code as number, message } },
  };
}

/** An integer may be written as `1.0`, as some libraries do, but in no way that is rounded. */
const EXACT_INTEGER = /^(?:0|-?[1-9]\d{0,15})(?:\.0)?$/;

function idOf(members: Members): RpcId {
  const digits = members.digits(ID);
  if (digits !== null) return digits;
  const id = asRpcId(members.value(ID));
  if (id === undefined || (typeof id === 'number' && !EXACT_INTEGER.test(members.written(ID)))) {
    throw new FrameNotRpc('"id" is neither a string nor an integer of at most 2^53');
  }
  return id;
}
