import type { RequestFrame } from '#mcp';
import { isObject } from '#mcp';
import type { Call, Services } from '#pipeline';
import { wouldBePermitted } from '#pipeline';
import { requestFrame } from './frames.ts';

/**
 * Of which calls to members something was made that is kept for the client. Whoever comes back for it gets
 * it only while each of them would be permitted.
 */
export class Origins {
  readonly #current: () => Services;
  /** By server. */
  readonly #calls = new Map<string, Call>();
  #policy: string | null = null;

  /** @param current gives what is in force. */
  constructor(current: () => Services) {
    this.#current = current;
  }

  add(call: Call): void {
    const { frame } = call;
    this.#calls.set(call.server, {
      ...call,
      frame: frame?.kind === 'request' ? withoutContent(frame) : null,
    });
  }

  /** Notes that lists are in it, each item of which policy has let pass. */
  addList({ policy }: Services): void {
    this.#policy ??= policy.hash;
  }

  /** Whether all of it may still go to the client. */
  permitted(): boolean {
    const { policy, trustDomain } = this.#current();
    if (this.#policy !== null && this.#policy !== policy.hash) return false;
    return [...this.#calls.values()].every((call) => wouldBePermitted(call, policy, trustDomain));
  }
}

/** What policy decides by, and no more: it is kept for minutes. */
function withoutContent({ id, method, params }: RequestFrame): RequestFrame {
  const { name, uri, ref } = params;
  const { type, name: refName, uri: refUri } = isObject(ref) ? ref : {};
  return requestFrame(id, method, { name, uri, ref: { type, name: refName, uri: refUri } });
}
