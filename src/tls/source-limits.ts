import { isIPv6 } from 'node:net';

/** Bounds on the handshakes of one source. */
export interface SourceBounds {
  /** Unfinished ones at a time. */
  readonly inFlight: number;
  /** New ones a second, over time; a burst may be {@link BURST_SECONDS} times as many. */
  readonly perSecond: number;
}

/** Why a source may not begin a handshake now. */
export type SourceRefusal = 'too_many_unfinished' | 'too_many_per_second';

/** For how many seconds' worth a source that was quiet may come at once. */
const BURST_SECONDS = 5;

/** Sources that are remembered; the one that has been quiet the longest makes room. */
const MAX_SOURCES = 65_536;

interface Source {
  inFlight: number;
  /** Handshakes that it may begin, at `at`. */
  tokens: number;
  /** On the clock of performance.now(). */
  at: number;
}

/**
 * Keeps any one source from taking all the time there is for handshakes, which are the expensive part
 * of a connection: a token bucket and a count of unfinished ones for each address, or for each /64
 * of IPv6, which is what one customer has.
 */
export class SourceLimits {
  readonly #bounds: SourceBounds;
  readonly #sources = new Map<string, Source>();

  constructor(bounds: SourceBounds) {
    this.#bounds = bounds;
  }

  /** Sources that are remembered at present. */
  get size(): number {
    return this.#sources.size;
  }

  /** Counts a handshake that begins, or says why it must not; {@link end} belongs to each counted one. */
  begin(address: string, now: number): SourceRefusal | null {
    const key = sourceOf(address);
    const source = this.#refreshed(key, now);
    if (source.inFlight >= this.#bounds.inFlight) return 'too_many_unfinished';
    if (source.tokens < 1) return 'too_many_per_second';
    source.tokens -= 1;
    source.inFlight += 1;
    return null;
  }

  /** A handshake is over, whatever came of it. */
  end(address: string): void {
    const source = this.#sources.get(sourceOf(address));
    if (source !== undefined && source.inFlight > 0) source.inFlight -= 1;
  }

  /** The source with its tokens of now, as the one that was last heard of. */
  #refreshed(key: string, now: number): Source {
    const { perSecond } = this.#bounds;
    const most = perSecond * BURST_SECONDS;
    const source = this.#sources.get(key) ?? { inFlight: 0, tokens: most, at: now };
    source.tokens = Math.min(most, source.tokens + ((now - source.at) / 1000) * perSecond);
    source.at = now;
    this.#sources.delete(key);
    this.#sources.set(key, source);
    if (this.#sources.size > MAX_SOURCES) this.#forgetQuietest();
    return source;
  }

  /** A Map iterates in the order of insertion, and every use inserts anew. */
  #forgetQuietest(): void {
    const [quietest] = this.#sources.keys();
    if (quietest !== undefined) this.#sources.delete(quietest);
  }
}

/** Four groups without zeros that could be left out. */
const FOUR_GROUPS = /^((?:(?:0|[1-9a-f][\da-f]{0,3}):){3}(?:0|[1-9a-f][\da-f]{0,3})):/;

/**
 * What counts as one source: the address, or for IPv6 its first four groups, which is what one customer
 * has. IPv4 in IPv6 is IPv4.
 */
export function sourceOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  // Most have four groups as they are to be, and are asked for with each call.
  const plain = FOUR_GROUPS.exec(address)?.[1];
  if (plain !== undefined) return plain;
  const [head = '', tail] = address.split('%', 1)[0]?.split('::') ?? [];
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - front.length - back.length }, () => '0');
  const groups = tail === undefined ? front : [...front, ...zeros, ...back];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
