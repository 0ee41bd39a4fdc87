import type { Principal } from '#identity';
import type { PosternError } from '#lib';
import { toPosternError } from '#lib';
import type { RequestFrame, ResponseFrame } from '#mcp';
import type { Decision } from '#policy';
import { authenticate } from './authenticate.ts';
import type { Call } from './call.ts';
import { isDenial } from './errors.ts';
import { Journal } from './journal.ts';
import type { ReplySink } from './reply-sink.ts';
import type { Services } from './run.ts';
import { refuse } from './run.ts';

/** What an endpoint for many servers answers by itself. */
export type OwnReply =
  | { readonly kind: 'json'; readonly sessionId: string | null; readonly body: Buffer }
  | { readonly kind: 'empty'; readonly status: number }
  /** Its events have gone out. */
  | { readonly kind: 'events' }
  /** The client wants no answer any more, so the reply ends without one. */
  | { readonly kind: 'cancelled' };

/** The exchange, for whoever answers it. */
export interface OwnExchange {
  /** Who calls. */
  readonly caller: Principal;
  /** The way back; may be replaced before anything has gone out on it. */
  sink: ReplySink;
  /** Records a message of before that goes out once more, before it does. */
  replayed(frame: RequestFrame | ResponseFrame): Promise<void>;
}

/** Nobody but the caller itself is asked; where servers are, each decides. */
const DECISION = {
  effect: 'allow',
  rules: [],
  reason: 'answered by the endpoint for many servers',
} as const;

/**
 * Takes an exchange with an endpoint for many servers its way: like a call it is authenticated, admitted
 * and recorded before its answer leaves, with no server of its own. Never throws.
 *
 * @param answer gives the reply, `null` when a server has replied, whose call is in the record then.
 */
export async function answerHere(
  call: Call,
  services: Services,
  sink: ReplySink,
  answer: (exchange: OwnExchange) => Promise<OwnReply | null>,
): Promise<void> {
  const journal = new Journal(call, services);
  let way = sink;
  try {
    const { principal } = authenticate(call, services.trustDomain);
    journal.identified(principal);
    services.recorder.admit();
    const exchange: OwnExchange = {
      caller: principal,
      sink,
      replayed: (frame) =>
        frame.kind === 'request' ? journal.serverRequest(frame) : journal.replayed(frame),
    };
    const reply = await answer(exchange).finally(() => {
      way = exchange.sink;
    });
    if (reply === null) return;
    journal.decided(DECISION, services.policy);
    await close(journal, call, reply);
    send(way, reply);
  } catch (thrown) {
    const error = toPosternError(thrown);
    if (isDenial(error)) journal.decided(denialOf(error), services.policy);
    await refuse(call, services, journal, way, error);
  }
}

function denialOf({ message }: PosternError): Decision {
  return { effect: 'deny', rules: [], reason: message };
}

async function close(journal: Journal, call: Call, reply: OwnReply): Promise<void> {
  switch (reply.kind) {
    case 'json':
      journal.inSession(reply.sessionId);
      journal.answered(reply.body);
      journal.returned(reply.body.length);
      await journal.close(
        call.signal.aborted
          ? { status: 'cancelled', http_status: null }
          : { status: 'ok', http_status: 200 },
      );
      return;
    case 'empty':
      await journal.close({ status: 'ok', http_status: reply.status });
      return;
    case 'events': {
      // A stream just ends when its client leaves; a request that is left is cancelled.
      const left = call.frame !== null && call.signal.aborted;
      await journal.close({ status: left ? 'cancelled' : 'ok', http_status: 200 });
      return;
    }
    case 'cancelled':
      await journal.close({ status: 'cancelled', http_status: 200 });
  }
}

function send(sink: ReplySink, reply: OwnReply): void {
  switch (reply.kind) {
    case 'json':
      sink.json(200, { sessionId: reply.sessionId }, reply.body);
      return;
    case 'empty':
      sink.empty(reply.status, { sessionId: null });
      return;
    case 'cancelled':
      sink.openEvents({ sessionId: null });
      sink.endEvents();
      return;
    case 'events':
      sink.endEvents();
  }
}
