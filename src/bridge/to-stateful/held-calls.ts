import { createHash, randomUUID } from 'node:crypto';
import type { Sealer } from '#crypto';
import { linkClass } from '#crypto';
import type { Limits } from '#lib';
import { parseJson } from '#lib';
import type { RequestFrame } from '#mcp';
import { isObject } from '#mcp';
import type { UpstreamRequest } from '#transport';
import { RequestStateInvalid } from '../errors.ts';
import { exactParams, isWrittenNumber } from '../exact.ts';
import type { Conversation } from './conversation.ts';

/** What keeps the tokens of held calls apart from everything else that is sealed. */
const PURPOSE = 'bridge: request state';

/** A call at a server that waits for what its client was asked for. */
interface Held {
  readonly conversation: Conversation;
  readonly principal: string;
  /** Which question it waits for: a token answers one question, once. */
  readonly round: number;
  readonly timer: NodeJS.Timeout;
}

/** Who asks, and over what. */
type Caller = Pick<UpstreamRequest, 'principal' | 'clientLink'>;

/** What {@link HeldCalls} needs. */
export interface HeldContext {
  /** Name of the server. */
  readonly server: string;
  readonly sealer: Sealer;
  readonly limits: Pick<Limits, 'heldCallTimeoutMs'>;
}

/**
 * Calls at stateful servers that wait for input of stateless clients. What names one to its client is
 * sealed for the principal, the kind of link, the server and the request (2026-07-28, Multi Round-Trip Requests, "Server
 * Requirements").
 */
export class HeldCalls {
  readonly #context: HeldContext;
  /** The oldest first. */
  readonly #byId = new Map<string, Held>();

  constructor(context: HeldContext) {
    this.#context = context;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Holds a call until its client comes back; the `requestState` to come back with. */
  hold(conversation: Conversation, caller: Caller, frame: RequestFrame): string {
    const id = randomUUID();
    const round = conversation.nextRound();
    const timer = setTimeout(() => {
      this.#drop(id, 'the client did not come back with the input');
    }, this.#context.limits.heldCallTimeoutMs).unref();
    this.#byId.set(id, { conversation, principal: caller.principal, round, timer });
    const text = JSON.stringify({ id, round });
    return this.#context.sealer.seal(PURPOSE, this.#boundTo(caller, frame), text);
  }

  /**
   * The call that a request goes on with; it is no longer held.
   *
   * @throws RequestStateInvalid unless the token was made for this caller and request, over such a
   *   link, and is new.
   */
  resume(token: unknown, caller: Caller, frame: RequestFrame): Conversation {
    const text =
      typeof token === 'string'
        ? this.#context.sealer.open(PURPOSE, this.#boundTo(caller, frame), token)
        : null;
    const state: unknown = text === null ? null : parseJson(text);
    const { id = '', round = null } = isObject(state) ? state : {};
    const held = this.#byId.get(String(id));
    if (held === undefined || held.round !== round || held.principal !== caller.principal) {
      throw new RequestStateInvalid('the requestState is none that this request may use');
    }
    clearTimeout(held.timer);
    this.#byId.delete(String(id));
    return held.conversation;
  }

  /** Gives up the oldest call of a principal; false when it has none. */
  giveUpOldest(principal: string): boolean {
    for (const [id, held] of this.#byId) {
      if (held.principal !== principal) continue;
      this.#drop(id, 'another call needed its place');
      return true;
    }
    return false;
  }

  close(): void {
    for (const id of this.#byId.keys()) this.#drop(id, 'the gateway stops');
  }

  #drop(id: string, reason: string): void {
    const held = this.#byId.get(id);
    if (held === undefined) return;
    clearTimeout(held.timer);
    this.#byId.delete(id);
    held.conversation.cancel(reason);
  }

  #boundTo({ principal, clientLink }: Caller, frame: RequestFrame): readonly string[] {
    const kind = clientLink === null ? 'none' : linkClass(clientLink);
    return [
      this.#context.server,
      principal,
      kind,
      digestOf({ method: frame.method, params: exactParams(frame) }),
    ];
  }
}

/** What a request asks for, whatever its id, its metadata and the round that it is in. */
export function digestOf({ method, params }: Pick<RequestFrame, 'method' | 'params'>): string {
  const { _meta, inputResponses: _responses, requestState: _state, ...asked } = params;
  return createHash('sha256').update(canonical({ method, asked })).digest('base64url');
}

/** JSON with the keys of objects in order, so that the same request gives the same text. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (!isObject(value) || isWrittenNumber(value)) return JSON.stringify(value);
  const members = Object.keys(value)
    .toSorted()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`);
  return `{${members.join()}}`;
}
