import { newCallId } from '#audit';
import { toPosternError } from '#lib';
import type { RequestFrame, ResponseFrame } from '#mcp';
import { headersFor, OLDEST_REVISION, UNDECLARED_REVISION } from '#mcp';
import type { Call, Caller, ReplySink } from '#pipeline';
import { answerError } from '#pipeline';
import type { ClientConnection } from '#transport';
import { MirroredParams } from './param-headers.ts';

/** A client and the way on which it came. */
export interface Speaker extends Caller {
  /** Name of the listener. */
  readonly listener: string;
  /** Address of the client. */
  readonly source: string;
}

/** Where a client's messages go. */
export interface Target {
  /** As {@link Call} has it, and so is the next. */
  readonly server: string;
  readonly via: string | null;
  /** Takes one call its way and answers it. */
  run(call: Call, sink: ReplySink): Promise<void>;
  /** Whether policy allows a call as things are. */
  permits(call: Call): boolean;
}

/** What differs from call to call. */
export type Asked = Pick<Call, 'httpMethod' | 'frame' | 'revision' | 'signal'> &
  Partial<Pick<Call, 'sessionId' | 'lastEventId' | keyof Caller>>;

/** Makes exchanges of Streamable HTTP out of what a client on a duplex stream says. */
export class Exchanges {
  readonly #speaker: Speaker;
  readonly #target: Target;
  readonly #connection: ClientConnection;
  readonly #params = new MirroredParams();

  constructor(speaker: Speaker, target: Target, connection: ClientConnection) {
    this.#speaker = speaker;
    this.#target = target;
    this.#connection = connection;
  }

  /** Takes one exchange its way. Never throws. */
  async run(asked: Asked, sink: ReplySink): Promise<void> {
    const call = this.callOf(asked);
    try {
      await this.#target.run(call, sink);
    } catch (thrown) {
      if (!sink.started) answerError(call, sink, toPosternError(thrown));
    }
  }

  /** Takes note of an answer that tells what later calls need. */
  answered(request: RequestFrame, answer: ResponseFrame): void {
    if (request.method === 'tools/list') this.#params.learn(answer);
  }

  /** Whether policy would allow an exchange as things are. */
  permits(asked: Asked): boolean {
    return this.#target.permits(this.callOf(asked));
  }

  callOf(asked: Asked): Call {
    const { listener, source, clientLink, token } = this.#speaker;
    const { server, via } = this.#target;
    return {
      id: newCallId(),
      receivedAtMs: Date.now(),
      listener,
      source,
      clientLink,
      token,
      server,
      via,
      sessionId: null,
      lastEventId: null,
      minRevision: OLDEST_REVISION,
      mcpHeaders: headersOf(asked, this.#params),
      connection: this.#connection,
      ...asked,
    };
  }
}

/** What a client of Streamable HTTP would say in headers too. */
function headersOf({ revision, frame }: Asked, params: MirroredParams): Call['mcpHeaders'] {
  if (revision === UNDECLARED_REVISION) return {};
  const declared = { 'mcp-protocol-version': revision.name };
  if (revision.era === 'stateful' || frame === null || frame.kind === 'response') return declared;
  return headersFor(frame, revision, params.of(frame));
}
