import type { LinkSecurity } from '#crypto';
import type { Limits } from '#lib';
import type {
  Frame,
  JsonObject,
  NotificationFrame,
  RequestFrame,
  ResponseFrame,
  RpcId,
} from '#mcp';
import { asRpcId, metaOf, RPC } from '#mcp';
import type { Upstream } from '#transport';
import { UpstreamProtocolError } from '#transport';
import { BridgeInputMissing } from '../errors.ts';
import { exactParams, exactResult } from '../exact.ts';
import {
  answersOf,
  errorAnswer,
  errorOf,
  notificationFrame,
  requestFrame,
  resultFrame,
  unanswered,
} from '../frames.ts';
import type { Introduction } from '../meta.ts';
import { addMeta, introduced } from '../meta.ts';
import { errorForStateful, resultForStateful } from '../results.ts';
import type { Asks } from './asks.ts';
import { answerTo } from './asks.ts';
import { toServer } from './server.ts';
import type { ToolHeaders } from './tool-headers.ts';

/** One request of a client of the stateful era, and what carrying it takes. */
export interface CallContext {
  readonly upstream: Upstream;
  readonly limits: Limits;
  readonly principal: string;
  /** How the client introduces itself to the server. */
  readonly client: Introduction;
  readonly asks: Asks;
  readonly toolHeaders: ToolHeaders;
  readonly nextId: () => string;
  /** Aborted when nobody wants the answer any more. */
  readonly signal: AbortSignal;
  readonly onLink: (link: LinkSecurity) => void;
}

/**
 * Carries a request to a server of the stateless era and gives out what the client is to get: progress
 * and log messages, the server's requests for input as requests of their own, at last the answer.
 *
 * @throws BridgeInputRefused, BridgeInputMissing, UpstreamProtocolError without an answer, and what the exchange meets.
 */
export async function* carry(
  frame: RequestFrame,
  context: CallContext,
): AsyncGenerator<Frame, void> {
  const { limits, toolHeaders } = context;
  let input: JsonObject = {};
  for (let round = 0; round <= limits.maxInputRounds; round += 1) {
    let answer = yield* attempt(frame, input, context);
    if (isHeaderMismatch(answer) && (await toolHeaders.learn(frame, context))) {
      answer = yield* attempt(frame, input, context);
    }
    const wanted = inputWanted(answer);
    if (wanted === null) {
      yield translated(frame, answer, context);
      return;
    }
    input = yield* gather(wanted, context);
  }
  throw new BridgeInputMissing(`the server asked more than ${limits.maxInputRounds} times`, {
    details: { limit: 'max_input_rounds', max: limits.maxInputRounds },
  });
}

async function* attempt(
  frame: RequestFrame,
  input: JsonObject,
  context: CallContext,
): AsyncGenerator<Frame, ResponseFrame> {
  const { upstream, limits, client, principal, signal, onLink } = context;
  const id = context.nextId();
  const token = asRpcId(metaOf(frame.params)['progressToken']);
  const params = introduced({ ...withoutEraFields(exactParams(frame)), ...input }, client);
  const sent = token === undefined ? params : addMeta(params, 'progressToken', id);
  const asked = requestFrame(id, frame.method, sent);
  const annotations = context.toolHeaders.of(frame);
  const exchange = toServer(asked, { principal, signal, onLink, annotations });
  for await (const message of answersOf(await upstream.exchange(exchange), limits)) {
    if (message.kind === 'response') return message;
    // Servers of this era send no requests.
    if (message.kind === 'notification') yield* passed(message, token);
  }
  throw unanswered();
}

/** What only the other era knows, or what tells a server of tasks that it will never hear of. */
function withoutEraFields(params: JsonObject): JsonObject {
  const { task: _task, inputResponses: _responses, requestState: _state, ...rest } = params;
  return rest;
}

function* passed(message: NotificationFrame, token: RpcId | undefined): Generator<Frame, void> {
  if (message.method !== 'notifications/progress') yield message;
  else if (token !== undefined) {
    yield notificationFrame(message.method, { ...exactParams(message), progressToken: token });
  }
}

interface Wanted {
  readonly inputRequests: unknown;
  readonly requestState: unknown;
}

/** What a server wants to know before it goes on (2026-07-28, Multi Round-Trip Requests). */
function inputWanted(answer: ResponseFrame): Wanted | null {
  if (!('result' in answer.outcome)) return null;
  const { resultType = 'complete', inputRequests, requestState } = exactResult(answer);
  if (resultType === 'complete') return null;
  if (resultType === 'input_required') return { inputRequests, requestState };
  throw new UpstreamProtocolError('the server answered with a kind of result that is not bridged');
}

async function* gather(wanted: Wanted, context: CallContext): AsyncGenerator<Frame, JsonObject> {
  const { asks, limits, signal } = context;
  const questions = asks.begin(wanted.inputRequests, limits.maxInputRequests);
  try {
    for (const { frame } of questions) yield frame;
    const answers = await Promise.all(
      questions.map(async (ask) => [ask.key, await answerTo(ask, limits, signal)] as const),
    );
    const { requestState } = wanted;
    return {
      inputResponses: Object.fromEntries(answers),
      ...(requestState === undefined ? {} : { requestState }),
    };
  } finally {
    asks.forget(questions);
  }
}

function translated(
  { id, method }: RequestFrame,
  answer: ResponseFrame,
  context: CallContext,
): ResponseFrame {
  const error = errorOf(answer);
  if (error !== null) return errorAnswer(id, errorForStateful(method, error));
  const result = exactResult(answer);
  if (method === 'tools/list') context.toolHeaders.read(result);
  return resultFrame(id, resultForStateful(method, result));
}

function isHeaderMismatch({ outcome }: ResponseFrame): boolean {
  return 'error' in outcome && outcome.error.code === RPC.headerMismatch;
}
