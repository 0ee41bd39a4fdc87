import type { RequestFrame } from '#mcp';
import { Memory } from './memory.ts';

/** A request whose effect lasts as long as the session. */
type Wish = Pick<RequestFrame, 'method' | 'params'>;

/** Subscriptions of one session that are kept, and the longest of their URIs, in characters. */
const MAX_SUBSCRIPTIONS = 1000;
const MAX_URI = 1024;

/**
 * What a client wants of its members for as long as its session lasts: the level of the log, and
 * resources to be told of. A member that is met later, or anew after it was restarted, is asked for it then.
 */
export class Wishes {
  /** The oldest is forgotten first. */
  readonly #subscriptions = new Memory<Wish & { readonly server: string }>(MAX_SUBSCRIPTIONS);
  #level: { readonly wish: Wish; readonly passes: (server: string) => boolean } | null = null;

  /** Keeps the level, for the servers that pass. */
  forAll({ method, params: { level } }: RequestFrame, passes: (server: string) => boolean): void {
    this.#level = { wish: { method, params: { level } }, passes };
  }

  /**
   * Keeps or drops a subscription, unless its URI is too long to be worth it; any other request is none
   * of its business.
   */
  forOne(server: string, { method, params: { uri } }: RequestFrame): void {
    if (typeof uri !== 'string' || uri.length > MAX_URI) return;
    const key = `${server} ${uri}`;
    const wish = { server, method, params: { uri } };
    if (method === 'resources/subscribe') this.#subscriptions.set(key, wish);
    if (method === 'resources/unsubscribe') this.#subscriptions.delete(key);
  }

  /** What one server is to be asked for. */
  of(server: string): readonly Wish[] {
    const subscriptions = this.#subscriptions.all().filter((wish) => wish.server === server);
    const level = this.#level?.passes(server) === true ? [this.#level.wish] : [];
    return [...level, ...subscriptions];
  }
}
