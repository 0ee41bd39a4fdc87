import type { Frame, JsonObject, NotificationFrame, RequestFrame, ResponseFrame } from '#mcp';
import { isObject, isSevereEnough, RPC } from '#mcp';
import { answersTo } from '../capabilities.ts';
import { InitializeRefused } from '../errors.ts';
import { exactParams, exactResult } from '../exact.ts';
import type { RpcError } from '../frames.ts';
import { errorAnswer, errorOf, resultFrame, unanswered } from '../frames.ts';
import type { Introduction } from '../meta.ts';
import { errorForStateless, isStatelessError, resultForStateless } from '../results.ts';
import { progressFor } from './server-call.ts';
import type { Remark, ServerCall } from './server-call.ts';
import type { Seat } from './pool.ts';

/** With this error servers of 2025-11-25 ask for a visit to a URL before the call is sent again. */
const URL_ELICITATION_REQUIRED = -32042;

/** How a server's question goes into a result. */
const KEY = 'input';

/** Holds a conversation for its client's next request; the token to come with. */
export type Hold = (conversation: Conversation, frame: RequestFrame) => string;

/** What a client and a server of different eras say about one call, over several requests of the client. */
export class Conversation {
  readonly #seat: Seat;
  readonly #call: ServerCall;
  readonly #client: Introduction;
  /** The server's request that waits for its answer. */
  #question: RequestFrame | null = null;
  #round = 0;
  #cancelled = false;

  constructor(seat: Seat, call: ServerCall, client: Introduction) {
    this.#seat = seat;
    this.#call = call;
    this.#client = client;
  }

  get seat(): Seat {
    return this.#seat;
  }

  /** The number of the next question. */
  nextRound(): number {
    this.#round += 1;
    return this.#round;
  }

  get rounds(): number {
    return this.#round;
  }

  /**
   * Brings the client's input to the server; false when there is none for what it asked.
   *
   * @throws what sending it meets.
   */
  async bring(inputResponses: unknown): Promise<boolean> {
    const question = this.#question;
    if (question === null) return true;
    const answer = isObject(inputResponses) ? inputResponses[KEY] : undefined;
    if (!isObject(answer)) return false;
    this.#question = null;
    await this.#call.answer(question.id, answer);
    return true;
  }

  /**
   * What the client is to get until the server has answered or wants to know something. One that fails is
   * yet to be cancelled.
   *
   * @throws UpstreamProtocolError without an answer, and what the exchange with the server ends with.
   */
  async *goOn(asked: RequestFrame, hold: Hold): AsyncGenerator<Frame, void> {
    let isAnswered = false;
    try {
      for (;;) {
        if (this.#question !== null) {
          yield this.#ask(asked, this.#question, hold);
          return;
        }
        const said = await this.#call.next();
        if (said === null) {
          if (this.#cancelled) return;
          throw unanswered();
        }
        if (said.kind === 'answer') {
          isAnswered = true;
          yield this.#answer(asked, said.frame);
          return;
        }
        const passed = await this.#take(asked, said);
        if (passed !== null) yield passed;
      }
    } finally {
      if (isAnswered) this.#seat.leave();
    }
  }

  /** Ends it; the server is told. */
  cancel(reason: string): void {
    this.#cancelled = true;
    this.#seat.abandon(this.#tell(reason));
  }

  async #tell(reason: string): Promise<void> {
    const question = this.#question;
    this.#question = null;
    const cancelled = this.#call.cancel(reason);
    if (question !== null) {
      const refusal = errorAnswer(question.id, { code: RPC.invalidRequest, message: reason });
      await this.#seat.session.send(refusal).catch(() => undefined);
    }
    await cancelled;
  }

  /** What goes to the client at once, if anything; what the server asks is kept, or refused. */
  async #take(asked: RequestFrame, said: Remark): Promise<Frame | null> {
    if (said.kind === 'progress') return progressFor(asked, said.params);
    const { frame } = said;
    if (frame.kind === 'notification') return this.#isWanted(frame) ? frame : null;
    if (frame.kind !== 'request') return null;
    const isAsked = !this.#cancelled && answersTo(this.#client.capabilities, frame);
    if (isAsked) this.#question = frame;
    else await this.#seat.session.answerAlone(frame);
    return null;
  }

  #ask(asked: RequestFrame, question: RequestFrame, hold: Hold): ResponseFrame {
    return resultFrame(asked.id, {
      resultType: 'input_required',
      inputRequests: {
        [KEY]: inputRequest({ method: question.method, params: exactParams(question) }),
      },
      requestState: hold(this, asked),
    });
  }

  #answer(asked: RequestFrame, answer: ResponseFrame): ResponseFrame {
    const error = errorOf(answer);
    if (error === null) {
      const { serverInfo } = this.#seat.server;
      return resultFrame(
        asked.id,
        resultForStateless(asked.method, exactResult(answer), serverInfo),
      );
    }
    if (isStatelessError(error.code)) {
      throw new InitializeRefused('the server answers as one of the stateless era does');
    }
    const visits = visitsWanted(error);
    if (visits === null || !answersTo(this.#client.capabilities, VISIT)) {
      return errorAnswer(asked.id, errorForStateless(error));
    }
    // Without a requestState the client's next request is a call of its own, as the server wants it.
    return resultFrame(asked.id, { resultType: 'input_required', inputRequests: visits });
  }

  #isWanted({ method, params }: NotificationFrame): boolean {
    const { logLevel } = this.#client;
    if (method !== 'notifications/message' || logLevel === null) return false;
    return isSevereEnough(params['level'], logLevel);
  }
}

/** A server's request as 2026-07-28 embeds it in a result. */
function inputRequest({ method, params }: Pick<RequestFrame, 'method' | 'params'>): JsonObject {
  const { elicitationId: _elicitation, task: _task, _meta, ...rest } = params;
  return Object.keys(rest).length === 0 ? { method } : { method, params: rest };
}

const VISIT = { method: 'elicitation/create', params: { mode: 'url' } } as const;

/** The visits that a server wants before the call is sent again, by key; `null` when it wants none. */
function visitsWanted({ code, data }: RpcError): JsonObject | null {
  if (code !== URL_ELICITATION_REQUIRED || !isObject(data)) return null;
  const { elicitations } = data;
  if (!Array.isArray(elicitations) || elicitations.length === 0) return null;
  const visits = elicitations.filter((one: unknown) => isObject(one)) as readonly JsonObject[];
  return Object.fromEntries(
    visits.map((params, index) => [
      `${KEY}-${index + 1}`,
      inputRequest({ method: VISIT.method, params: { ...params, mode: 'url' } }),
    ]),
  );
}
