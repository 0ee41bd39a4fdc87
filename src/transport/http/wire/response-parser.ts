import { BodyParser } from './body-parser.ts';
import { HeadReader } from './head-reader.ts';
import { MalformedMessage } from './malformed.ts';
import type { WireHead } from './wire-head.ts';
import { readWireHead } from './wire-head.ts';

/** Hears of the parts of a response as they come. */
export interface ResponseParts {
  /** Called for the final response alone, not for those before it (1xx). */
  onHead(head: WireHead): void;
  onData(chunk: Buffer): void;
  onEnd(): void;
}

const BEGINNING = 'HTTP/1.';
/** Responses before the final one. */
const MAX_INTERIM = 32;

/** Parses one HTTP/1.1 response (RFC 9112), strictly: what is doubtful is refused. */
export class ResponseParser {
  readonly #parts: ResponseParts;
  readonly #maxHeaderBytes: number;
  readonly #heads: HeadReader;
  #body: BodyParser | null = null;
  #interim = 0;
  #isOver = false;

  constructor(parts: ResponseParts, maxHeaderBytes: number) {
    this.#parts = parts;
    this.#maxHeaderBytes = maxHeaderBytes;
    this.#heads = new HeadReader(maxHeaderBytes, checkBeginning);
  }

  /** Whether the whole response has come. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Takes the next bytes.
   *
   * @throws MalformedMessage, also for bytes behind the response; what `parts` throw.
   */
  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#isOver) throw new MalformedMessage('bytes follow it that nobody asked for');
      if (this.#body === null) {
        at = this.#heads.read(bytes, at);
        if (at === -1) return;
        this.#begin(readWireHead(this.#heads.head));
      } else {
        at = this.#body.push(bytes, at);
      }
      if (this.#body?.isOver === true) this.#finish();
    }
  }

  /**
   * The connection has ended.
   *
   * @returns whether that ends the response, and nothing is missing.
   */
  end(): boolean {
    if (!this.#isOver && this.#body?.end() === true) this.#finish();
    return this.#isOver;
  }

  #begin(head: WireHead): void {
    if (head.status < 200) {
      this.#interim += 1;
      if (head.status !== 101 && head.keepAlive && this.#interim <= MAX_INTERIM) return;
      throw new MalformedMessage(`its status ${head.status} was not asked for`);
    }
    this.#body = new BodyParser(head.framing, this.#maxHeaderBytes, (chunk) => {
      this.#parts.onData(chunk);
    });
    this.#parts.onHead(head);
  }

  #finish(): void {
    this.#isOver = true;
    this.#parts.onEnd();
  }
}

/** Whoever speaks another protocol may wait for an answer, or end the connection after one line. */
function checkBeginning(beginning: string): void {
  const length = Math.min(beginning.length || 1, BEGINNING.length);
  if (beginning.slice(0, length) !== BEGINNING.slice(0, length)) {
    throw new MalformedMessage('it does not begin as HTTP/1.1 does');
  }
}
