import type { EventSink, Limits } from '#lib';
import { Throttle } from '../duplex/throttle.ts';

const LF = 0x0a;

/** Turns what a child writes to stderr into `upstream.stderr` events: cut, cleaned and rate limited. */
export class StderrLog {
  readonly #limits: Limits;
  readonly #report: (message: string) => void;
  readonly #throttle: Throttle;
  readonly #partial: Buffer[] = [];
  #kept = 0;
  #cut = false;
  #lastLine = '';

  constructor(server: string, pid: number | undefined, limits: Limits, events: EventSink) {
    this.#limits = limits;
    this.#report = (message) => {
      events({ severity: 'info', name: 'upstream.stderr', message, fields: { server, pid } });
    };
    this.#throttle = new Throttle(limits.maxStderrLinesPerSecond, (lines) => {
      events({
        severity: 'info',
        name: 'upstream.stderr_dropped',
        message: `${lines} more lines on the stderr of "${server}" were not logged`,
        fields: { server, pid, lines },
      });
    });
  }

  /** The last line so far that was not empty, cut and cleaned. */
  get lastLine(): string {
    return this.#lastLine;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LF, start);
      this.#keep(chunk.subarray(start, end === -1 ? chunk.length : end));
      if (end === -1) return;
      this.#endLine();
      start = end + 1;
    }
  }

  /** Logs an unfinished last line. */
  close(): void {
    this.#endLine();
    this.#throttle.close();
  }

  #keep(bytes: Buffer): void {
    const room = this.#limits.maxStderrLineBytes - this.#kept;
    if (bytes.length > room) this.#cut = true;
    if (room === 0 || bytes.length === 0) return;
    // Copied: a few kept bytes must not hold the whole chunk in memory.
    const kept = Buffer.from(bytes.subarray(0, room));
    this.#partial.push(kept);
    this.#kept += kept.length;
  }

  #endLine(): void {
    const line = printable(Buffer.concat(this.#partial)) + (this.#cut ? '…' : '');
    this.#partial.length = 0;
    this.#kept = 0;
    this.#cut = false;
    if (line === '') return;
    this.#lastLine = line;
    if (this.#throttle.allow()) this.#report(line);
  }
}

/** Without control characters, which could rewrite the terminal that shows the log. */
function printable(bytes: Buffer): string {
  return bytes
    .toString('utf8')
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
}
