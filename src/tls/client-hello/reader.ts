import { Gather } from '#lib';
import type { CompleteHello, UnreadableHello } from './hello.ts';
import { readClientHello } from './hello.ts';
import { joinFragments, readRecordHeader, RECORD_HEADER_BYTES } from './records.ts';

/** Handshake type (RFC 8446 §4). */
const CLIENT_HELLO = 1;
/** Bytes of a handshake message's header: type and length. */
const MESSAGE_HEADER_BYTES = 4;

/** What the bytes so far are. All but `more` is final. */
export type HelloProgress =
  | { readonly kind: 'more' }
  /** No TLS handshake: SSL 2.0, an alert, HTTP, anything. */
  | { readonly kind: 'not_tls' }
  | UnreadableHello
  | CompleteHello;

const MORE: HelloProgress = { kind: 'more' };
const NOT_TLS: HelloProgress = { kind: 'not_tls' };

/**
 * Reads the ClientHello off the first bytes of a connection, however they are cut into chunks and
 * TLS records (RFC 8446 §5.1). What comes out depends on the bytes alone, not on the cuts, and the
 * cost is linear in them. Nothing in here throws, whatever the bytes.
 */
export class HelloReader {
  readonly #maxBytes: number;
  readonly #received = new Gather();
  #progress: HelloProgress = MORE;
  /** All before this has been looked at. */
  #at = 0;
  /** End of the record that `#at` is in; equal to it where the next header is due. */
  #recordEnd = 0;
  /** Bytes of the handshake seen, without record headers. */
  #handshakeBytes = 0;
  /** Bytes of the first message, its header included; `null` until that has come. */
  #messageBytes: number | null = null;

  /** @param maxBytes largest hello, its record headers included. What follows it does not count. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Takes the next bytes of the connection; the chunk must stay as it is. After a final answer it
   * keeps nothing more and gives that answer again.
   */
  push(chunk: Buffer): HelloProgress {
    if (this.#progress.kind !== 'more') return this.#progress;
    this.#received.append(chunk);
    this.#progress = this.#advance(this.#received.first(this.#maxBytes));
    return this.#progress;
  }

  /**
   * Every byte that came, up to the end of the chunk that brought the final answer: the hello and
   * what its chunk had after it. One chunk is handed out as it came.
   */
  received(): Buffer {
    return this.#received.first();
  }

  #advance(bytes: Buffer): HelloProgress {
    while (this.#at < bytes.length) {
      if (this.#at === this.#recordEnd) {
        const progress = this.#enterRecord(bytes);
        if (progress !== null) return progress;
      }
      const end = Math.min(this.#recordEnd, bytes.length);
      this.#handshakeBytes += end - this.#at;
      this.#at = end;
      const progress = this.#judgeMessage(bytes);
      if (progress.kind !== 'more') return progress;
    }
    return this.#moreBelowBound(bytes);
  }

  /** Moves over the header of the next record; the progress if that is not possible. */
  #enterRecord(bytes: Buffer): HelloProgress | null {
    const header = readRecordHeader(bytes, this.#at);
    switch (header.kind) {
      case 'record':
        this.#at += RECORD_HEADER_BYTES;
        this.#recordEnd = this.#at + header.length;
        return null;
      case 'more':
        return this.#moreBelowBound(bytes);
      case 'other':
        // Between the records of one message nothing else may come (RFC 8446 §5.1).
        return this.#at === 0 ? NOT_TLS : unreadable('the hello is interrupted');
      case 'bad_length':
        return unreadable('a record has a length that is not allowed');
    }
  }

  #judgeMessage(bytes: Buffer): HelloProgress {
    if (this.#handshakeBytes === 0) return MORE;
    if (bytes[RECORD_HEADER_BYTES] !== CLIENT_HELLO)
      return unreadable('the first message is no ClientHello');
    if (this.#handshakeBytes < MESSAGE_HEADER_BYTES) return MORE;
    this.#messageBytes ??= messageBytes(bytes);
    // No need to wait for what will be too much.
    if (this.#messageBytes > this.#maxBytes) return tooLarge();
    if (this.#handshakeBytes < this.#messageBytes) return MORE;
    const message = joinFragments(bytes, this.#messageBytes);
    return readClientHello(message.subarray(MESSAGE_HEADER_BYTES));
  }

  #moreBelowBound(bytes: Buffer): HelloProgress {
    return bytes.length < this.#maxBytes ? MORE : tooLarge();
  }
}

function messageBytes(bytes: Buffer): number {
  const header = joinFragments(bytes, MESSAGE_HEADER_BYTES);
  return MESSAGE_HEADER_BYTES + header.readUIntBE(1, 3);
}

function tooLarge(): HelloProgress {
  return unreadable('the hello is too large');
}

function unreadable(reason: string): HelloProgress {
  return { kind: 'unreadable', reason };
}
