import type { Limits } from '#lib';
import { messageOf } from '#lib';
import type { Frame } from '#mcp';
import { jsonLimitsOf, readFrame } from '#mcp';
import { UpstreamProtocolError } from './errors.ts';

type MessageLimits = Pick<Limits, 'maxMessageBytes'> & Parameters<typeof jsonLimitsOf>[0];

/**
 * Reads one message of a server.
 *
 * @throws UpstreamProtocolError when it is not clear what it says.
 */
export function readMessage(bytes: Buffer, limits: MessageLimits): Frame {
  try {
    return readFrame(bytes, jsonLimitsOf(limits, limits.maxMessageBytes));
  } catch (cause) {
    throw new UpstreamProtocolError(`the server sent an unreadable message: ${messageOf(cause)}`, {
      cause,
    });
  }
}
