import type { Limits } from '#lib';
import type { OwnExchange, Resumed } from '#pipeline';
import { readMessage } from '#transport';

/** Sends what a client has missed, each answer and question recorded before it goes. */
export async function replay(
  events: Resumed['events'],
  exchange: OwnExchange,
  limits: Limits,
): Promise<void> {
  for await (const { wire, message, id } of events) {
    const frame = message === null ? null : readMessage(message, limits);
    if (frame !== null && frame.kind !== 'notification') await exchange.replayed(frame);
    await exchange.sink.event(wire, id);
  }
}
