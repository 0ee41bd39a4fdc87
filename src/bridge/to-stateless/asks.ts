import { randomUUID } from 'node:crypto';
import type { Limits } from '#lib';
import type { JsonObject, RequestFrame, ResponseFrame } from '#mcp';
import { idKey, isObject } from '#mcp';
import { answersTo } from '../capabilities.ts';
import { BridgeInputMissing, BridgeInputRefused } from '../errors.ts';
import { errorOf, requestFrame } from '../frames.ts';

/** One request for input of a server, on its way to the client. */
export interface Ask {
  /** The server's key for it. */
  readonly key: string;
  readonly frame: RequestFrame;
}

/** What one client of the stateful era is being asked on behalf of its server. */
export class Asks {
  readonly #capabilities: JsonObject;
  readonly #formsHaveModes: boolean;
  readonly #waiting = new Map<string, PromiseWithResolvers<ResponseFrame>>();

  /** @param formsHaveModes whether the client's revision tells forms from URLs. */
  constructor(capabilities: JsonObject, formsHaveModes: boolean) {
    this.#capabilities = capabilities;
    this.#formsHaveModes = formsHaveModes;
  }

  /**
   * The requests with which the client is asked for these inputs.
   *
   * @throws BridgeInputRefused for one that it cannot answer, or when they are too many.
   */
  framesFor(inputRequests: unknown, max: number): readonly Ask[] {
    const entries = isObject(inputRequests) ? Object.entries(inputRequests) : [];
    if (entries.length > max) {
      throw new BridgeInputMissing(`the server asks for more than ${max} inputs at a time`, {
        details: { limit: 'max_input_requests', max },
      });
    }
    return entries.map(([key, wanted]) => ({ key, frame: this.#frameFor(wanted) }));
  }

  /**
   * The client's answer to a request that it has been sent.
   *
   * @throws BridgeInputMissing when it is an error, does not come in time, or the call is over.
   */
  async answerTo(
    { frame }: Ask,
    limits: Pick<Limits, 'clientInputTimeoutMs'>,
    signal: AbortSignal,
  ): Promise<JsonObject> {
    const key = idKey(frame.id);
    const waiting = this.#waiting.get(key) ?? this.expect(frame);
    const max = limits.clientInputTimeoutMs;
    const giveUp = (): void => {
      waiting.reject(
        new BridgeInputMissing(`the client did not answer ${frame.method} in ${max} ms`, {
          details: { limit: 'client_input_timeout_ms', max },
        }),
      );
    };
    const timer = setTimeout(giveUp, max).unref();
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      return resultOf(await waiting.promise, frame.method);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
      this.#waiting.delete(key);
    }
  }

  /** Gets ready for the answer, before the request goes out. */
  expect(frame: RequestFrame): PromiseWithResolvers<ResponseFrame> {
    const waiting = Promise.withResolvers<ResponseFrame>();
    waiting.promise.catch(() => undefined);
    this.#waiting.set(idKey(frame.id), waiting);
    return waiting;
  }

  /** Forgets a request that was not sent after all. */
  forget(frame: RequestFrame): void {
    this.#waiting.delete(idKey(frame.id));
  }

  /** Takes an answer of the client; false when nobody waits for it. */
  take(answer: ResponseFrame): boolean {
    const key = answer.id === null ? '' : idKey(answer.id);
    const waiting = this.#waiting.get(key);
    this.#waiting.delete(key);
    waiting?.resolve(answer);
    return waiting !== undefined;
  }

  #frameFor(wanted: unknown): RequestFrame {
    const { method = null, params: given = {} } = isObject(wanted) ? wanted : {};
    if (typeof method !== 'string' || !isObject(given)) {
      throw new BridgeInputMissing('the server asks for an input that is no request');
    }
    if (!answersTo(this.#capabilities, { method, params: given })) {
      const message = `the server asks for ${method.slice(0, 64)}, which the client does not offer`;
      throw new BridgeInputRefused(message);
    }
    const id = `postern-${randomUUID()}`;
    return requestFrame(id, method, this.#paramsFor(method, given, id));
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

function resultOf(answer: ResponseFrame, method: string): JsonObject {
  const error = errorOf(answer);
  if (error === null && 'result' in answer.outcome) return answer.outcome.result;
  const why = error?.message.slice(0, 200) ?? '';
  throw new BridgeInputMissing(`the client refused ${method}: ${why}`);
}
