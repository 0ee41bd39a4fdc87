import type { StreamEvent } from '#transport';
import type { Call } from './call.ts';
import type { ReplySink } from './reply-sink.ts';
import type { Session } from './session-tokens.ts';

/**
 * Keeps what goes out on the streams of sessions, so that a client whose connection was lost gets the
 * rest (Streamable HTTP, "Resumability and Redelivery"). The gateway implements it.
 */
export interface Resumption {
  /**
   * Takes a permitted call of a session in.
   *
   * @param permitted whether what goes out may also go to whoever comes back for it later; asked then.
   * @throws PosternError when the call asks for events that are no longer kept.
   */
  enter(session: Session, call: Call, sink: ReplySink, permitted?: () => boolean): Entered;
  /** Forgets a session that is over, and ends its calls that nobody waits for. */
  ended(session: Session): void;
}

/** A call that was taken in. */
export interface Entered {
  /** The call's way back. */
  readonly sink: ReplySink;
  /** What the call asks for with `Last-Event-ID`; `null` when that is not the gateway's own. */
  readonly resumed: Resumed | null;
}

/** The rest of a stream. */
export interface Resumed {
  /** What came after the event that the client names; of a call that goes on, also what comes yet. */
  readonly events: AsyncIterable<StreamEvent>;
  /** Whether the session's own stream goes on at the server afterwards. */
  readonly listens: boolean;
}
