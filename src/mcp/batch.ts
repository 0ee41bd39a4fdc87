import { FrameNotRpc } from './errors.ts';
import type { Frame } from './frame.ts';
import { idKey, readFrame } from './frame.ts';
import type { SingleHeaders } from './headers.ts';
import type { JsonLimits } from './json/limits.ts';
import type { Span } from './json/members.ts';
import { scanArray } from './json/scan.ts';
import { UNDECLARED_REVISION } from './revisions.ts';
import { MESSAGE } from './shapes.ts';

const OPEN_OBJECT = 0x7b;

/** The one revision that has batches; its clients send no `MCP-Protocol-Version`. */
const BATCH_REVISION = UNDECLARED_REVISION.name;

/** Whether a body is an array of messages, in the revision that has them. */
export function isBatch(bytes: Buffer, headers: SingleHeaders): boolean {
  if (bytes[0] === OPEN_OBJECT) return false;
  const revision = headers['mcp-protocol-version'] ?? BATCH_REVISION;
  return revision === BATCH_REVISION && /^[ \t\r\n]*\[/.test(bytes.toString('latin1'));
}

/**
 * Reads a batch (2025-03-26, basic, "Batching") as the messages that it consists of, each with its
 * exact bytes.
 *
 * @param limits hold for the whole of it.
 * @throws what `readFrame` throws; FrameNotRpc also for an empty batch or one of too many messages,
 *   for `initialize` in it, and for two requests with one id.
 */
export function readBatch(bytes: Buffer, limits: JsonLimits, maxMessages: number): Frame[] {
  const messages: Span[] = [];
  const isArray = scanArray(bytes, limits, MESSAGE, (start, end) => {
    if (messages.length >= maxMessages) throw tooManyMessages(maxMessages);
    messages.push({ start, end });
  });
  if (!isArray || messages.length === 0) {
    throw new FrameNotRpc('a batch holds at least one message');
  }
  const frames = messages.map(({ start, end }) => readFrame(bytes.subarray(start, end), limits));
  checkRequests(frames);
  return frames;
}

function checkRequests(frames: readonly Frame[]): void {
  const ids = new Set<string>();
  for (const frame of frames) {
    if (frame.kind !== 'request') continue;
    if (frame.method === 'initialize') {
      throw new FrameNotRpc('initialize does not belong into a batch');
    }
    const key = idKey(frame.id);
    if (ids.has(key)) throw new FrameNotRpc('two requests of a batch have the same id');
    ids.add(key);
  }
}

function tooManyMessages(maxMessages: number): Error {
  return new FrameNotRpc(`a batch holds at most ${maxMessages} messages`, {
    details: { limit: 'max_batch_messages', max: maxMessages },
  });
}
