/**
 * What sessions need of the way to a server, whatever carries it: messages in both directions, and a
 * hold on what comes while readers are behind.
 */
import type { LinkSecurity } from '#crypto';
import type { EventSink, Limits, PosternError } from '#lib';
import type { Frame, RpcId } from '#mcp';
import type { UpstreamRequest } from '../upstream.ts';
import type { Gate } from './event-stream.ts';

/** A message on its way to a server. */
export type Outgoing = Pick<Frame, 'kind' | 'bytes'>;

/** Who wants to know over which hop a message goes, before it does. */
export type Observer = Pick<UpstreamRequest, 'onLink'>;

/** The messages of one server, or of one session with it, in both directions. */
export interface Channel extends Gate {
  /** How what the server says comes here; `null` until it is known. */
  readonly link: LinkSecurity | null;
  /** Whether the server waits for a slow reader. */
  readonly held: boolean;
  /**
   * Sends one message; resolves when the server, or the pipe to it, has taken it.
   *
   * @throws PosternError of this room when it was not taken.
   */
  send(message: Outgoing, observer?: Observer): Promise<void>;
  /** Takes note of a message of the server that was for nobody. */
  dropped(what: string): void;
  /** Ends the channel; resolves when nothing of it is left. */
  stop(): Promise<void>;
}

/** What a {@link Channel} tells its owner, never before it has been handed out. */
export interface ChannelHandlers {
  onFrame(frame: Frame): void;
  /** A message that seems to answer this id cannot be read as one clear message. */
  onRefusedAnswer(id: RpcId, error: PosternError): void;
  /** The server ended, or was given up because of what it sent. Not called after `stop`. */
  onClosed(error: PosternError): void;
}

/** Where channels to one server come from. */
export interface ChannelSource {
  /** @throws PosternError when none may be opened for the principal now. */
  check(principal: string): void;
  /**
   * Opens a channel; {@link check} comes first.
   *
   * @throws PosternError when it cannot even be tried.
   */
  open(principal: string, handlers: ChannelHandlers): Channel;
}

/** A server as sessions know it. */
export interface ServerContext {
  readonly name: string;
  readonly limits: Limits;
  readonly events: EventSink;
}
