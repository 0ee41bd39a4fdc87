import type { RequestFrame } from '#mcp';
import { Memory } from './memory.ts';

/** A request whose effect lasts as long as the session. */
type Wish = Pick<RequestFrame, 'method' | 'params'>;

/**
 * What a client wants of its members for as long as its session lasts: the level of the log, and
 * resources to be told of. A member that is met later, or anew after it was restarted, is asked for it then.
 */
export class Wishes {
  readonly #subscriptions: Memory<Wish & { readonly server: string }>;
  #level: { readonly wish: Wish; readonly passes: (server: string) => boolean } | null = null;

  /** @param max subscriptions that are kept; the oldest is forgotten first. */
  constructor(max: number) {
    this.#subscriptions = new Memory(max);
  }

  /** Keeps the level, for the servers that pass. */
  forAll({ method, params }: RequestFrame, passes: (server: string) => boolean): void {
    this.#level = { wish: { method, params }, passes };
  }

  /** Keeps or drops a subscription; any other request is none of its business. */
  forOne(server: string, { method, params }: RequestFrame): void {
    const key = `${server} ${String(params['uri'])}`;
    if (method === 'resources/subscribe') this.#subscriptions.set(key, { server, method, params });
    if (method === 'resources/unsubscribe') this.#subscriptions.delete(key);
  }

  /** What one server is to be asked for. */
  of(server: string): readonly Wish[] {
    const subscriptions = this.#subscriptions.all().filter((wish) => wish.server === server);
    const level = this.#level?.passes(server) === true ? [this.#level.wish] : [];
    return [...level, ...subscriptions];
  }
}
