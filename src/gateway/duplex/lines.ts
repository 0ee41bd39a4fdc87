/** The transport stdio (2026-07-28, Transports): one message a line, in both directions. */
import type { Readable, Writable } from 'node:stream';
import type { EventSink, Limits, PosternError } from '#lib';
import { formatBytes, parseJson, toPosternError } from '#lib';
import type { RpcId } from '#mcp';
import { asRpcId, FrameTooLarge, isObject } from '#mcp';
import { asOneLine, CallCancelled, LineFramer, UpstreamMessageTooLarge } from '#transport';
import { readMessage } from '../read-call.ts';
import { RequestRefused } from '../errors.ts';
import { Conversation } from './conversation.ts';
import type { Conversations } from './conversations.ts';
import type { Target } from './exchanges.ts';
import { LineWriter } from './line-writer.ts';

/** The two streams of a client. */
export interface LineStreams {
  /** What the client says. */
  readonly input: Readable;
  /** What it hears. */
  readonly output: Writable;
}

/** What serving a client needs. */
export interface LinesOptions {
  readonly streams: LineStreams;
  readonly target: Target;
  readonly limits: Limits;
  readonly events: EventSink;
  readonly conversations: Conversations;
}

/** Whoever says nothing but noise does not speak MCP. */
const MAX_BAD_LINES = 100;

/** How such a client is named where others have a listener and an address. */
const STDIO = 'stdio';

/**
 * Serves one client over a pair of streams until one of them ends, or the server's session. The client
 * has started this process, so the link never leaves the machine; nothing says who it is.
 *
 * @returns why it ended, `null` when the client or the gateway ended it in order.
 */
export async function converse(options: LinesOptions): Promise<PosternError | null> {
  const { streams, target, limits, events, conversations } = options;
  const { input, output } = streams;
  const writer = new LineWriter(output, limits);
  const conversation = new Conversation({
    speaker: { listener: STDIO, source: STDIO, clientLink: { kind: 'pipe' }, token: null },
    target,
    eras: 'both',
    limits,
    events,
    write: (message) => writer.write(asOneLine(message)),
  });
  conversations.add(conversation);
  output.on('error', () => void conversation.close(null));
  void conversation.ended.then(() => input.destroy());
  try {
    await new LineReader(conversation, limits).read(input);
    await conversation.finish(limits.drainTimeoutMs);
  } catch (thrown) {
    await conversation.close(toPosternError(thrown));
  }
  const why = await conversation.ended;
  return why instanceof CallCancelled ? null : why;
}

/** Hands what a client says to its conversation. */
class LineReader {
  readonly #conversation: Conversation;
  readonly #limits: Limits;
  #badInARow = 0;

  constructor(conversation: Conversation, limits: Limits) {
    this.#conversation = conversation;
    this.#limits = limits;
  }

  /**
   * Reads to the end, no faster than the messages are taken.
   *
   * @throws FrameTooLarge for a line beyond the limit, RequestRefused for too much noise.
   */
  async read(input: Readable): Promise<void> {
    const framer = new LineFramer(this.#limits.maxRequestBytes);
    try {
      for await (const chunk of input) {
        const lines: Buffer[] = [];
        framer.push(chunk as Buffer, (line) => lines.push(line));
        for (const line of lines) await this.#take(line);
      }
    } catch (thrown) {
      if (thrown instanceof UpstreamMessageTooLarge) throw await this.#tooLong();
      // The end of the conversation destroys its input.
      if (!this.#conversation.isEnding) throw thrown;
      await this.#conversation.ended;
    }
  }

  async #take(line: Buffer): Promise<void> {
    const conversation = this.#conversation;
    try {
      const message = readMessage(line, conversation.headers, this.#limits);
      this.#badInARow = 0;
      await conversation.room;
      conversation.accept(Array.isArray(message) ? message : [message]);
    } catch (thrown) {
      await conversation.refuse(toPosternError(thrown), idIn(line));
      this.#badInARow += 1;
      if (this.#badInARow < MAX_BAD_LINES) return;
      throw new RequestRefused(`${MAX_BAD_LINES} lines in a row were no MCP messages`);
    }
  }

  /** Where the next message begins is not known, and what the line asked neither. */
  async #tooLong(): Promise<PosternError> {
    const { maxRequestBytes } = this.#limits;
    const error = new FrameTooLarge(`a line exceeds ${formatBytes(maxRequestBytes)}`, {
      details: { max_bytes: maxRequestBytes },
    });
    await this.#conversation.refuse(error, null);
    return error;
  }
}

/** Id in a refused line, read without care: it only serves to tell the client which request failed. */
function idIn(line: Buffer): RpcId | null {
  try {
    const message = parseJson(line.toString('utf8'));
    return isObject(message) && 'method' in message ? (asRpcId(message['id']) ?? null) : null;
  } catch {
    return null;
  }
}
