import { fstatSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';

const MAX_WAITING_BYTES = 1024 * 1024;
const RETRY_MS = 20;
const FLUSH_MAX_MS = 1000;

/** A socket closes its descriptor when it is collected, so these stay for the process's life. */
const holders: Socket[] = [];

/** Writes whole lines to a file descriptor. */
export interface LineWriter {
  /** Takes a line, line feed included. Never throws and, on a pipe or socket, never waits. */
  write(line: string): void;
  /** Writes what waits for a slow reader; gives up after a second. */
  flush(): void;
}

/**
 * A writer that writes at once, so that no line is lost when the process ends, and yet is not held
 * up by a reader of a pipe who has stopped reading: a megabyte waits, further lines are dropped.
 * Where nobody reads any more, lines are dropped too.
 *
 * @param lostNotice the line that tells how many were dropped, written once lines go out again
 */
export function openLineWriter(fd: number, lostNotice: (count: number) => string): LineWriter {
  return new FdWriter(fd, lostNotice);
}

class FdWriter implements LineWriter {
  readonly #fd: number;
  readonly #lostNotice: (count: number) => string;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #lost = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(fd: number, lostNotice: (count: number) => string) {
    this.#fd = fd;
    this.#lostNotice = lostNotice;
    avoidBlocking(fd);
  }

  write(line: string): void {
    this.#enqueue(Buffer.from(line));
    if (this.#timer === undefined) this.#drain();
  }

  flush(): void {
    const deadline = performance.now() + FLUSH_MAX_MS;
    this.#drain();
    while (this.#waitingBytes > 0 && performance.now() < deadline) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      this.#drain();
    }
  }

  #enqueue(line: Buffer): void {
    if (this.#waitingBytes > 0 && this.#waitingBytes + line.length > MAX_WAITING_BYTES) {
      this.#lost += 1;
      return;
    }
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
  }

  #drain(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    let read = false;
    for (let line = this.#next(read); line !== undefined; line = this.#next(read)) {
      const written = tryWrite(this.#fd, line);
      if (written === 'later') {
        this.#timer = setTimeout(() => this.#drain(), RETRY_MS).unref();
        return;
      }
      read = written !== 'never';
      if (!read) this.#lost += 1;
      this.#take(line, written === 'never' ? line.length : written);
    }
  }

  /** The next line to write: when all are out and somebody reads again, the notice. */
  #next(read: boolean): Buffer | undefined {
    if (this.#waiting.length === 0 && this.#lost > 0 && read) {
      const count = this.#lost;
      this.#lost = 0;
      this.#enqueue(Buffer.from(this.#lostNotice(count)));
    }
    return this.#waiting[0];
  }

  #take(line: Buffer, bytes: number): void {
    this.#waitingBytes -= bytes;
    if (bytes < line.length) this.#waiting[0] = line.subarray(bytes);
    else this.#waiting.shift();
  }
}

function tryWrite(fd: number, bytes: Buffer): number | 'later' | 'never' {
  try {
    return writeSync(fd, bytes);
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
    return code === 'EAGAIN' ? 'later' : 'never';
  }
}

/**
 * Makes a pipe or socket answer EAGAIN where it would block, by handing it to libuv, which does the
 * same whenever `process.stderr` is used.
 */
function avoidBlocking(fd: number): void {
  try {
    const stats = fstatSync(fd);
    if (!stats.isFIFO() && !stats.isSocket()) return;
    const socket = new Socket({ fd, readable: false, writable: true });
    socket.on('error', () => undefined).unref();
    holders.push(socket);
  } catch {
    // A closed descriptor, or a kind that libuv does not take: writing tells or waits.
  }
}
