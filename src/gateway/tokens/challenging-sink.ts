import type { Limits } from '#lib';
import { ScopeInsufficient } from '#oauth';
import type { ReplyHead } from '#pipeline';
import type { HttpExchange } from '#transport';
import type { AnswerRoom } from '../http-sink.ts';
import { HttpSink } from '../http-sink.ts';
import type { TokenGate } from './gate.ts';

/**
 * The way back on a listener that takes tokens, or on one that does not.
 *
 * @param room for answers that the client does not read at once; `null` for those that are short.
 */
export function sinkFor(
  exchange: HttpExchange,
  limits: Limits,
  gate: TokenGate | null,
  room: AnswerRoom | null,
): HttpSink {
  return gate === null
    ? new HttpSink(exchange, limits, room)
    : new ChallengingSink(exchange, limits, gate, room);
}

/** Tells a client with which scopes it should come again (RFC 6750 §3.1, `insufficient_scope`). */
class ChallengingSink extends HttpSink {
  readonly #exchange: HttpExchange;
  readonly #gate: TokenGate;

  constructor(exchange: HttpExchange, limits: Limits, gate: TokenGate, room: AnswerRoom | null) {
    super(exchange, limits, room);
    this.#exchange = exchange;
    this.#gate = gate;
  }

  override json(status: number, head: ReplyHead, body: Buffer): void {
    const { neededScopes } = head;
    if (neededScopes !== undefined) {
      const error = new ScopeInsufficient('the access token lacks scopes');
      this.#gate.challenge(this.#exchange, error, neededScopes);
    }
    super.json(status, head, body);
  }
}
