/**
 * The event port: what happens in the gateway, told once, for the log and whatever else listens.
 *
 * Rooms emit; `telemetry/` implements. Events never carry secrets or message bodies.
 */

/** `alert` is for what a person must see: a refused policy, a refused peer, a broken record. */
export type Severity = 'debug' | 'info' | 'warn' | 'error' | 'alert';

/** One thing that happened. */
export interface PosternEvent {
  readonly severity: Severity;
  /** Stable dotted name, `tls.handshake_refused`. */
  readonly name: string;
  /** One sentence for people. */
  readonly message: string;
  /** Facts, JSON values only. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** Takes events; must not throw and must not block. */
export type EventSink = (event: PosternEvent) => void;
