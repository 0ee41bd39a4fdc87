import type { PosternError } from '#lib';
import { toPosternError } from '#lib';
import type { Channel, ChannelHandlers, Observer, Outgoing } from '../duplex/channel.ts';
import { Inlet } from '../duplex/inlet.ts';
import { asOneLine } from '../duplex/one-line.ts';
import { UpstreamOverloaded, UpstreamUnavailable } from '../errors.ts';
import { Child } from './child.ts';
import { LineFramer } from './lines.ts';
import type { Program } from './program.ts';

/** The hop to every program. */
export const PIPE = { kind: 'pipe' } as const;

/** The messages of one server process, one a line, in both directions. */
export class ChildChannel implements Channel {
  readonly link = PIPE;
  readonly #program: Program;
  readonly #handlers: ChannelHandlers;
  readonly #framer: LineFramer;
  readonly #inlet: Inlet;
  readonly #child: Child;
  #closed = false;

  /** @throws UpstreamUnavailable when the program cannot even be tried. */
  constructor(program: Program, handlers: ChannelHandlers) {
    this.#program = program;
    this.#handlers = handlers;
    this.#framer = new LineFramer(program.limits.maxMessageBytes);
    this.#inlet = new Inlet({
      server: program,
      unit: 'line',
      handlers,
      pause: () => this.#child.pause(),
      resume: () => this.#child.resume(),
      onHopeless: (error) => this.#abort(error),
    });
    this.#child = new Child(program, {
      onOutput: (chunk) => this.#onOutput(chunk),
      onExit: (reason) => {
        this.#close(new UpstreamUnavailable(`"${program.name}" ${reason}`));
      },
    });
  }

  /** Of the process, `undefined` when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Resolves when the process and its group are gone. */
  get gone(): Promise<void> {
    return this.#child.gone;
  }

  get held(): boolean {
    return this.#inlet.held;
  }

  /** @throws UpstreamOverloaded when the server does not read what was sent before. */
  async send({ bytes }: Outgoing, observer?: Observer): Promise<void> {
    observer?.onLink(PIPE);
    if (this.#closed || this.#child.write(asOneLine(bytes))) return;
    throw new UpstreamOverloaded(`"${this.#program.name}" does not read its input`, {
      details: { limit: 'max_message_bytes', max: this.#program.limits.maxMessageBytes },
    });
  }

  hold(holder: object): void {
    this.#inlet.hold(holder);
  }

  release(holder: object): void {
    this.#inlet.release(holder);
  }

  dropped(what: string): void {
    this.#inlet.dropped(what);
  }

  /** Ends the server; resolves when it is gone. */
  stop(): Promise<void> {
    this.#closed = true;
    this.#inlet.close();
    return this.#child.stop();
  }

  #onOutput(chunk: Buffer): void {
    try {
      this.#framer.push(chunk, (line) => this.#inlet.take(line));
    } catch (thrown) {
      this.#abort(toPosternError(thrown));
    }
  }

  /** Nothing that the server still says can be trusted or read. */
  #abort(error: PosternError): void {
    void this.#child.stop(0);
    this.#close(error);
  }

  #close(error: PosternError): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inlet.close();
    this.#handlers.onClosed(error);
  }
}
