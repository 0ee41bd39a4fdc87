import type { PosternError } from '#lib';
import { parseJson, toPosternError } from '#lib';
import type { Frame, RpcId } from '#mcp';
import { asRpcId, isObject, jsonLimitsOf, readFrame } from '#mcp';
import { UpstreamProtocolError } from '../errors.ts';
import type { ChannelHandlers, ServerContext } from './channel.ts';
import type { Gate } from './event-stream.ts';
import { asOneLine } from './one-line.ts';
import { Throttle } from './throttle.ts';

/** Real servers print a banner; one that sends nothing but noise does not speak MCP. */
const MAX_BAD_IN_A_ROW = 100;
const LOGGED_PER_SECOND = 5;

/** Messages for nobody that a server may send in a second before it is made to wait. */
const MAX_WASTED_PER_SECOND = 1000;

/** What an {@link Inlet} works with. */
interface InletContext {
  readonly server: ServerContext;
  /** What carries one message, for the log. */
  readonly unit: 'line' | 'event';
  readonly handlers: Pick<ChannelHandlers, 'onFrame' | 'onRefusedAnswer'>;
  /** Stops reading, so that the server has to wait. */
  pause(): void;
  resume(): void;
  /** Nothing that the server says is MCP. */
  onHopeless(error: PosternError): void;
}

/** The receiving half of a channel: reads what a server sends, and makes it wait where need be. */
export class Inlet implements Gate {
  readonly #context: InletContext;
  readonly #holders = new Set<object>();
  readonly #bad: Throttle;
  readonly #waste: Throttle;
  readonly #drops: Throttle;
  #badInARow = 0;
  #closed = false;

  constructor(context: InletContext) {
    const { name } = context.server;
    this.#context = context;
    this.#bad = new Throttle(LOGGED_PER_SECOND, (count) => {
      const unread = `${count} more ${context.unit}s that are no MCP messages`;
      this.#warn(`"${name}" wrote ${unread}`, { [`${context.unit}s`]: count });
    });
    this.#waste = new Throttle(MAX_WASTED_PER_SECOND, () => this.release(this.#waste));
    this.#drops = new Throttle(LOGGED_PER_SECOND, (count) => this.#tellDropped(`${count} more`));
  }

  /** Whether the server waits for a slow reader. */
  get held(): boolean {
    return this.#holders.size > 0;
  }

  hold(holder: object): void {
    if (this.#holders.size === 0) this.#context.pause();
    this.#holders.add(holder);
  }

  release(holder: object): void {
    if (this.#holders.delete(holder) && this.#holders.size === 0) this.#context.resume();
  }

  /** Reads one message and hands it out on one line. */
  take(message: Buffer): void {
    if (this.#closed) return;
    const { server, handlers } = this.#context;
    const limits = jsonLimitsOf(server.limits, server.limits.maxMessageBytes);
    let frame: Frame;
    try {
      frame = readFrame(message, limits);
      // What goes on must be what was read, to the byte.
      const line = asOneLine(message);
      if (line !== message) frame = readFrame(line, limits);
    } catch (thrown) {
      this.#refuse(message, toPosternError(thrown));
      return;
    }
    this.#badInARow = 0;
    handlers.onFrame(frame);
  }

  /**
   * Takes note of a message that was for nobody. A server that floods with them costs the gateway its
   * time, so it is not read for the rest of the second.
   */
  dropped(what: string): void {
    this.#brake();
    if (this.#drops.allow()) this.#tellDropped(what);
  }

  /** Takes no more. */
  close(): void {
    this.#closed = true;
    this.#bad.close();
    this.#waste.close();
    this.#drops.close();
  }

  #refuse(message: Buffer, cause: PosternError): void {
    const { server, unit, handlers } = this.#context;
    this.#badInARow += 1;
    this.#brake();
    if (this.#bad.allow()) {
      const what = unit === 'line' ? 'a line' : 'an event';
      this.#warn(`"${server.name}" wrote ${what} that is no MCP message: ${cause.message}`, {
        bytes: message.length,
        code: cause.code,
      });
    }
    const id = answeredId(message);
    if (id !== undefined) {
      handlers.onRefusedAnswer(
        id,
        new UpstreamProtocolError(`the server's answer was refused: ${cause.message}`, { cause }),
      );
    }
    if (this.#badInARow < MAX_BAD_IN_A_ROW) return;
    const all = `${MAX_BAD_IN_A_ROW} ${unit}s in a row that are no MCP messages`;
    this.#context.onHopeless(new UpstreamProtocolError(`"${server.name}" wrote ${all}`, { cause }));
  }

  #brake(): void {
    if (!this.#waste.allow()) this.hold(this.#waste);
  }

  #tellDropped(what: string): void {
    const { name, events } = this.#context.server;
    events({
      severity: 'debug',
      name: 'upstream.message_dropped',
      message: `dropped from "${name}": ${what}`,
      fields: { server: name },
    });
  }

  #warn(message: string, fields: Readonly<Record<string, unknown>>): void {
    const { server, unit } = this.#context;
    server.events({
      severity: 'warn',
      name: `upstream.bad_${unit}`,
      message,
      fields: { server: server.name, ...fields },
    });
  }
}

/** Id in a refused message, read without care: it only serves to fail the call early. */
function answeredId(bytes: Buffer): RpcId | undefined {
  try {
    const message = parseJson(bytes.toString('utf8'));
    if (!isObject(message) || 'method' in message) return undefined;
    return asRpcId(message['id']);
  } catch {
    return undefined;
  }
}
