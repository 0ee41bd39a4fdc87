import { hash, randomUUID } from 'node:crypto';

const COUNTER_MAX = 0xfff;
const last = { ms: 0, counter: 0, time: '' };

/**
 * A new call id: a UUIDv7 (RFC 9562 §5.7). Ids of one process sort by the order of their creation,
 * also within a millisecond and while the clock steps back (§6.2, method 1).
 */
export function newCallId(): string {
  advance();
  const counter = last.counter.toString(16).padStart(3, '0');
  // The last 64 bits of a UUIDv4 are the variant and 62 random bits, as in a UUIDv7.
  const random = randomUUID().slice(19);
  return `${last.time}-7${counter}-${random}`;
}

/**
 * A session in the record: the first 128 bits of the SHA-256 of its id, in hex. It ties the calls
 * of a session together and does not let a reader of the record take the session over.
 */
export function sessionTag(sessionId: string): string {
  return hash('sha256', sessionId, 'hex').slice(0, 32);
}

function advance(): void {
  const now = Date.now();
  if (now > last.ms) {
    begin(now);
  } else if (last.counter < COUNTER_MAX) {
    last.counter += 1;
  } else {
    begin(last.ms + 1);
  }
}

function begin(ms: number): void {
  const hex = ms.toString(16).padStart(12, '0');
  last.ms = ms;
  last.counter = 0;
  last.time = `${hex.slice(0, 8)}-${hex.slice(8)}`;
}
