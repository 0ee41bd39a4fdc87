import type { RequestFrame, Frame } from '#mcp';
import type { Call, Services } from '#pipeline';
import type { Member } from './members.ts';
import type { Origins } from './origins.ts';
import type { ToolSet } from './tool-set.ts';

/** One exchange of a client with the shared endpoint. */
export interface Visit {
  /** As it came; its `server` is empty. */
  readonly call: Call;
  readonly services: Services;
  /** What is in force now, for what goes on long after the exchange began. */
  readonly current: () => Services;
  /** Whose sessions and memories it may use. */
  readonly owner: string;
  readonly set: ToolSet;
  /** The servers of the endpoint that this caller may use. */
  readonly members: readonly Member[];
  /** What the answer is made of. */
  readonly origins: Origins;
  /**
   * Runs a call that stays open, as long as policy permits it.
   *
   * @param run is given the signal that tells that policy does not permit it any more.
   */
  lasting(call: Call, run: (signal: AbortSignal) => Promise<void>): Promise<void>;
}

/** A visit with a request. */
export interface RequestVisit extends Visit {
  readonly frame: RequestFrame;
}

/** How members are spoken to: within a session, or without. */
export interface Era {
  /** Tells apart who has to be told of changes. */
  readonly key: string;
  /**
   * The call that carries a message to a member.
   *
   * @throws MemberUnavailable when the member has no session for it and gives none.
   */
  callTo(visit: Visit, member: Member, frame: Frame, signal: AbortSignal): Promise<Call>;
  /** Whether a member's stream that broke off can be taken up again. */
  readonly resumable: boolean;
  /** The call that opens a member's stream, where that has one, after an event. */
  streamAfter(
    visit: Visit,
    member: Member,
    lastEventId: string | null,
    signal: AbortSignal,
  ): Promise<Call>;
  /**
   * Told of the answer that a member knows the call's session no longer.
   *
   * @returns whether trying once more may help.
   */
  lost(member: Member, call: Call): boolean;
  /** A list that could not wait for a member has changed since; tells it by this notification. */
  changed(method: string): void;
}
