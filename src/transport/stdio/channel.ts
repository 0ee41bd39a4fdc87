import type { PosternError } from '#lib';
import { toPosternError } from '#lib';
import type { Frame, RpcId } from '#mcp';
import { asRpcId, isObject, jsonLimitsOf, readFrame } from '#mcp';
import { UpstreamOverloaded, UpstreamProtocolError, UpstreamUnavailable } from '../errors.ts';
import { Child } from './child.ts';
import type { Gate } from './event-stream.ts';
import { asOneLine, LineFramer } from './lines.ts';
import type { Program } from './program.ts';
import { Throttle } from './throttle.ts';

/** Real servers print a banner; one that prints nothing but noise does not speak MCP. */
const MAX_BAD_LINES = 100;
const LOGGED_PER_SECOND = 5;

/** Messages for nobody that a server may send in a second before it is made to wait. */
const MAX_WASTED_PER_SECOND = 1000;
const CR = 0x0d;

/** What a {@link Channel} tells its owner. */
export interface ChannelHandlers {
  onFrame(frame: Frame): void;
  /** A line that seems to answer this id cannot be read as one clear message. */
  onRefusedAnswer(id: RpcId, error: PosternError): void;
  /** The server ended, or was ended because of what it wrote. Not called after `stop`. */
  onClosed(error: PosternError): void;
}

/** The messages of one server process, one a line, in both directions. */
export class Channel implements Gate {
  readonly #program: Program;
  readonly #handlers: ChannelHandlers;
  readonly #framer: LineFramer;
  readonly #badLines: Throttle;
  readonly #holders = new Set<object>();
  readonly #child: Child;
  readonly #waste: Throttle;
  readonly #drops: Throttle;
  #badInARow = 0;
  #closed = false;

  /** @throws UpstreamUnavailable when the program cannot even be tried. */
  constructor(program: Program, handlers: ChannelHandlers) {
    this.#program = program;
    this.#handlers = handlers;
    this.#framer = new LineFramer(program.limits.maxMessageBytes);
    this.#badLines = new Throttle(LOGGED_PER_SECOND, (lines) => {
      this.#warn(`"${program.name}" wrote ${lines} more lines that are no MCP messages`, { lines });
    });
    this.#waste = new Throttle(MAX_WASTED_PER_SECOND, () => this.release(this.#waste));
    this.#drops = new Throttle(LOGGED_PER_SECOND, (count) => this.#tellDropped(`${count} more`));
    this.#child = new Child(program, {
      onOutput: (chunk) => this.#onOutput(chunk),
      onExit: (reason) => {
        this.#close(new UpstreamUnavailable(`"${program.name}" ${reason}`));
      },
    });
  }

  /** Resolves when the process and its group are gone. */
  get gone(): Promise<void> {
    return this.#child.gone;
  }

  /** Whether the server waits for a slow reader. */
  get held(): boolean {
    return this.#holders.size > 0;
  }

  /**
   * Sends one message.
   *
   * @throws UpstreamOverloaded when the server does not read what was sent before.
   */
  send(message: Buffer): void {
    if (this.#closed || this.#child.write(asOneLine(message))) return;
    throw new UpstreamOverloaded(`"${this.#program.name}" does not read its input`, {
      details: { limit: 'max_message_bytes', max: this.#program.limits.maxMessageBytes },
    });
  }

  hold(holder: object): void {
    if (this.#holders.size === 0) this.#child.pause();
    this.#holders.add(holder);
  }

  release(holder: object): void {
    if (this.#holders.delete(holder) && this.#holders.size === 0) this.#child.resume();
  }

  /**
   * Takes note of a message that was for nobody. A server that floods with them costs the gateway its
   * time, so it is not read for the rest of the second.
   */
  dropped(what: string): void {
    this.#brake();
    if (this.#drops.allow()) this.#tellDropped(what);
  }

  /** Ends the server; resolves when it is gone. */
  stop(): Promise<void> {
    this.#closed = true;
    this.#closeThrottles();
    return this.#child.stop();
  }

  #onOutput(chunk: Buffer): void {
    try {
      this.#framer.push(chunk, (line) => this.#onLine(line));
    } catch (thrown) {
      this.#abort(toPosternError(thrown));
    }
  }

  #onLine(line: Buffer): void {
    if (this.#closed) return;
    const { limits } = this.#program;
    const jsonLimits = jsonLimitsOf(limits, limits.maxMessageBytes);
    let frame: Frame;
    try {
      frame = readFrame(line, jsonLimits);
      // What goes on must be what was read, to the byte.
      if (line.includes(CR)) frame = readFrame(asOneLine(line), jsonLimits);
    } catch (thrown) {
      this.#refuse(line, toPosternError(thrown));
      return;
    }
    this.#badInARow = 0;
    this.#handlers.onFrame(frame);
  }

  #refuse(line: Buffer, cause: PosternError): void {
    this.#badInARow += 1;
    this.#brake();
    if (this.#badLines.allow()) {
      this.#warn(`"${this.#program.name}" wrote a line that is no MCP message: ${cause.message}`, {
        bytes: line.length,
        code: cause.code,
      });
    }
    const id = answeredId(line);
    if (id !== undefined) {
      this.#handlers.onRefusedAnswer(
        id,
        new UpstreamProtocolError(`the server's answer was refused: ${cause.message}`, { cause }),
      );
    }
    if (this.#badInARow < MAX_BAD_LINES) return;
    this.#abort(
      new UpstreamProtocolError(
        `"${this.#program.name}" wrote ${MAX_BAD_LINES} lines in a row that are no MCP messages`,
        { cause },
      ),
    );
  }

  #brake(): void {
    if (!this.#waste.allow()) this.hold(this.#waste);
  }

  /** Nothing that the server still says can be trusted or read. */
  #abort(error: PosternError): void {
    void this.#child.stop(0);
    this.#close(error);
  }

  #close(error: PosternError): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#closeThrottles();
    this.#handlers.onClosed(error);
  }

  #closeThrottles(): void {
    this.#badLines.close();
    this.#waste.close();
    this.#drops.close();
  }

  #tellDropped(what: string): void {
    const { name, events } = this.#program;
    events({
      severity: 'debug',
      name: 'upstream.message_dropped',
      message: `dropped from "${name}": ${what}`,
      fields: { server: name },
    });
  }

  #warn(message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#program.events({
      severity: 'warn',
      name: 'upstream.bad_line',
      message,
      fields: { server: this.#program.name, ...fields },
    });
  }
}

/** Id in a refused line, read without care: it only serves to fail the call early. */
function answeredId(line: Buffer): RpcId | undefined {
  try {
    const message = JSON.parse(line.toString('utf8')) as unknown;
    if (!isObject(message) || 'method' in message) return undefined;
    return asRpcId(message['id']);
  } catch {
    return undefined;
  }
}
