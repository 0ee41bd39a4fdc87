import { randomUUID } from 'node:crypto';
import type { Limits } from '#lib';
import type { JsonObject, RequestFrame, ResponseFrame } from '#mcp';
import { idKey, isObject } from '#mcp';
import { answersTo } from '../capabilities.ts';
import { BridgeInputMissing, BridgeInputRefused } from '../errors.ts';
import { exactResult } from '../exact.ts';
import { errorOf, requestFrame } from '../frames.ts';

/** One request for input of a server, on its way to the client. */
export interface Ask {
  /** The server's key for it. */
  readonly key: string;
  readonly frame: RequestFrame;
  /** What the client says, which may be before anybody waits for it. */
  readonly answer: PromiseWithResolvers<ResponseFrame>;
}

/** What one client of the stateful era is being asked on behalf of its server. */
export class Asks {
  readonly #capabilities: JsonObject;
  readonly #formsHaveModes: boolean;
  readonly #open = new Map<string, Ask>();

  /** @param formsHaveModes whether the client's revision tells forms from URLs. */
  constructor(capabilities: JsonObject, formsHaveModes: boolean) {
    this.#capabilities = capabilities;
    this.#formsHaveModes = formsHaveModes;
  }

  /**
   * The requests with which the client is asked for these inputs. Their answers are taken from now on,
   * until they are forgotten.
   *
   * @throws BridgeInputRefused for one that it cannot answer, BridgeInputMissing when they are too many.
   */
  begin(inputRequests: unknown, max: number): readonly Ask[] {
    const entries = isObject(inputRequests) ? Object.entries(inputRequests) : [];
    if (entries.length > max) {
      throw new BridgeInputMissing(`the server asks for more than ${max} inputs at a time`, {
        details: { limit: 'max_input_requests', max },
      });
    }
    const asks = entries.map(([key, wanted]) => this.#askFor(key, wanted));
    for (const ask of asks) this.#open.set(idKey(ask.frame.id), ask);
    return asks;
  }

  /** Takes no more answers to these. */
  forget(asks: readonly Ask[]): void {
    for (const { frame } of asks) this.#open.delete(idKey(frame.id));
  }

  /** Takes an answer of the client; false when nobody waits for it. */
  take(answer: ResponseFrame): boolean {
    const key = answer.id === null ? '' : idKey(answer.id);
    const ask = this.#open.get(key);
    this.#open.delete(key);
    ask?.answer.resolve(answer);
    return ask !== undefined;
  }

  #askFor(key: string, wanted: unknown): Ask {
    const { method = null, params: given = {} } = isObject(wanted) ? wanted : {};
    if (typeof method !== 'string' || !isObject(given)) {
      throw new BridgeInputMissing('the server asks for an input that is no request');
    }
    if (!answersTo(this.#capabilities, { method, params: given })) {
      const message = `the server asks for ${method.slice(0, 64)}, which the client does not offer`;
      throw new BridgeInputRefused(message);
    }
    const id = `postern-${randomUUID()}`;
    const frame = requestFrame(id, method, this.#paramsFor(method, given, id));
    return { key, frame, answer: Promise.withResolvers() };
  }

  #paramsFor(method: string, params: JsonObject, id: string): JsonObject {
    if (method !== 'elicitation/create') return params;
    // 2025-11-25 wants an id with each URL; the revisions before know forms alone.
    if (params['mode'] === 'url') return { ...params, elicitationId: id };
    if (this.#formsHaveModes) return params;
    const { mode: _, ...form } = params;
    return form;
  }
}

/**
 * The client's answer to a request that it has been sent.
 *
 * @throws BridgeInputMissing when it is an error, does not come in time, or the call is over.
 */
export async function answerTo(
  { frame, answer }: Ask,
  { clientInputTimeoutMs: max }: Pick<Limits, 'clientInputTimeoutMs'>,
  signal: AbortSignal,
): Promise<JsonObject> {
  const giveUp = (): void => {
    answer.reject(
      new BridgeInputMissing(`the client did not answer ${frame.method} in ${max} ms`, {
        details: { limit: 'client_input_timeout_ms', max },
      }),
    );
  };
  const timer = setTimeout(giveUp, max).unref();
  signal.addEventListener('abort', giveUp, { once: true });
  if (signal.aborted) giveUp();
  try {
    return resultOf(await answer.promise, frame.method);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
  }
}

function resultOf(answer: ResponseFrame, method: string): JsonObject {
  const error = errorOf(answer);
  if (error === null) return exactResult(answer);
  const why = error.message.slice(0, 200);
  throw new BridgeInputMissing(`the client refused ${method}: ${why}`);
}
