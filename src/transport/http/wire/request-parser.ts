import { BodyParser } from './body-parser.ts';
import { HeadReader } from './head-reader.ts';
import { MalformedMessage } from './malformed.ts';
import type { RequestHead } from './request-head.ts';
import { isTunnel, readRequestHead } from './request-head.ts';

/** Hears of the parts of requests as they come. */
export interface RequestParts {
  onHead(head: RequestHead): void;
  onData(chunk: Buffer): void;
  onEnd(): void;
}

/** What the first line of a request looks like, however little of it is there. */
const BEGINNING = /^[A-Z]{1,20}(?:$| (?:$|\/))/;

/** Parses HTTP/1.1 requests (RFC 9112), strictly: what is doubtful is refused. */
export class RequestParser {
  readonly #parts: RequestParts;
  readonly #maxHeaderBytes: number;
  readonly #heads: HeadReader;
  #body: BodyParser | null = null;

  constructor(parts: RequestParts, maxHeaderBytes: number) {
    this.#parts = parts;
    this.#maxHeaderBytes = maxHeaderBytes;
    this.#heads = new HeadReader(maxHeaderBytes, checkBeginning);
  }

  /** Whether some of a request has come, and not yet all of it. */
  get isAmid(): boolean {
    return this.#body !== null || this.#heads.hasBegun;
  }

  /**
   * Takes the next bytes, up to the end of a request.
   *
   * @returns how many it took; what is behind is of the next request.
   * @throws MalformedMessage, TooLongMessage; what `parts` throw.
   */
  push(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length) {
      if (this.#body === null) {
        at = this.#heads.read(bytes, at);
        if (at === -1) return bytes.length;
        this.#begin(readRequestHead(this.#heads.head));
      } else {
        at = this.#body.push(bytes, at);
      }
      if (this.#body?.isOver !== true) continue;
      this.#body = null;
      this.#parts.onEnd();
      return at;
    }
    return at;
  }

  #begin(head: RequestHead): void {
    this.#body = new BodyParser(head.framing, this.#maxHeaderBytes, this.#onData);
    this.#parts.onHead(head);
  }

  readonly #onData = (chunk: Buffer): void => this.#parts.onData(chunk);
}

/** A client that speaks TLS to a port without it, or another protocol, is told so at once. */
function checkBeginning(beginning: string): void {
  if (BEGINNING.test(beginning) || isTunnel(beginning)) return;
  throw new MalformedMessage('it does not begin as HTTP/1.1 does');
}
