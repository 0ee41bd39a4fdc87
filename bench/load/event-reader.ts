const LF = 0x0a;
const CR = 0x0d;

/**
 * Takes an event stream apart as its bytes arrive and hands out the data of each event that has any
 * (WHATWG HTML, "Server-sent events"). Lines end with LF or CRLF.
 */
export class EventReader {
  readonly #onData: (data: Buffer) => void;
  /** The begin of a line whose end has not come, in parts. */
  #pending: Buffer[] = [];
  /** Whether the current event has data. */
  #open = false;

  /** @param onData gets parts of what was pushed. */
  constructor(onData: (data: Buffer) => void) {
    this.#onData = onData;
  }

  /** @throws Error for data over several lines, which no MCP server sends. */
  push(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      const newline = bytes.indexOf(LF, at);
      if (newline === -1) {
        this.#pending.push(bytes.subarray(at));
        return;
      }
      this.#pending.push(bytes.subarray(at, newline));
      at = newline + 1;
      this.end();
    }
  }

  /** Ends the line, as the end of a stream does. */
  end(): void {
    const [only = Buffer.alloc(0)] = this.#pending;
    const line = this.#pending.length <= 1 ? only : Buffer.concat(this.#pending);
    this.#pending = [];
    this.#take(line.at(-1) === CR ? line.subarray(0, -1) : line);
  }

  #take(line: Buffer): void {
    if (line.length === 0) this.#open = false;
    if (line.toString('latin1', 0, 5) !== 'data:') return;
    if (this.#open) throw new Error('an event has data over several lines');
    this.#open = true;
    const data = line.subarray(line[5] === 0x20 ? 6 : 5);
    if (data.length > 0) this.#onData(data);
  }
}
