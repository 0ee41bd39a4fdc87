/** A conversation whose server is a script. */
import type { PosternEvent } from '#lib';
import { DEFAULT_LIMITS } from '#lib';
import type { Frame } from '#mcp';
import { jsonLimitsOf, readFrame } from '#mcp';
import type { Call, ReplySink } from '#pipeline';
import { formatEvent } from '#transport';
import type { ConversationOptions } from './conversation.ts';
import { Conversation } from './conversation.ts';
import type { Target } from './exchanges.ts';

type Json = Readonly<Record<string, unknown>>;

/** What a server does with a call, by its JSON-RPC method or else its HTTP method. */
export type Script = Readonly<
  Record<string, (call: Call, sink: ReplySink) => void | Promise<void>>
>;

export const SESSION = { sessionId: 'session-1' };
export const NO_SESSION = { sessionId: null };

/** Answers with a JSON body. */
export function answers(result: Json = {}, head = NO_SESSION as { sessionId: string | null }) {
  return ({ frame }: Call, sink: ReplySink): void => {
    const id = frame?.kind === 'request' ? frame.id : null;
    sink.json(200, head, Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, result })));
  };
}

/** Answers with a status. */
export function status(code: number) {
  return (_call: Call, sink: ReplySink): void => sink.empty(code, NO_SESSION);
}

/** One event. */
export function eventOf(message: Json, id: string | null = null): Buffer {
  return formatEvent(Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message })), id);
}

/** Streams events, then ends. */
export function streams(...events: readonly Buffer[]) {
  return async (_call: Call, sink: ReplySink): Promise<void> => {
    sink.openEvents(NO_SESSION);
    for (const event of events) await sink.event(event);
    sink.endEvents();
  };
}

/** Stays open until it is aborted. */
export function stays({ signal }: Call, sink: ReplySink): Promise<void> {
  sink.openEvents(NO_SESSION);
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Any server: one session, and a stream that stays. */
export const SERVER: Script = {
  initialize: answers({ protocolVersion: '2025-11-25', capabilities: {} }, SESSION),
  GET: stays,
  DELETE: status(200),
};

/** A target that does what a script says, and keeps what it was asked. */
export function scripted(script: Script): { target: Target; calls: Call[] } {
  const calls: Call[] = [];
  const target: Target = {
    server: 'scripted',
    via: null,
    permits: () => true,
    run: async (call, sink) => {
      calls.push(call);
      const { frame, httpMethod } = call;
      const name = frame === null ? httpMethod : frame.kind === 'response' ? '' : frame.method;
      await (script[name] ?? (frame?.kind === 'request' ? answers() : status(202)))(call, sink);
    },
  };
  return { target, calls };
}

/** A conversation, what has been said to its client, and what its server was asked. */
export function converseWith(script: Script, options: Partial<ConversationOptions> = {}) {
  const { target, calls } = scripted({ ...SERVER, ...script });
  const heard: Json[] = [];
  const events: PosternEvent[] = [];
  const conversation = new Conversation({
    speaker: { listener: 'test', source: 'test', token: null, clientLink: { kind: 'pipe' } },
    target,
    eras: 'both',
    limits: DEFAULT_LIMITS,
    events: (event) => events.push(event),
    write: async (message) => {
      heard.push(JSON.parse(message.toString()) as Json);
    },
    ...options,
  });
  const say = (...messages: readonly Json[]): void => conversation.accept(messages.map(frameOf));
  return { conversation, calls, heard, events, say };
}

/** A message as it is read. */
export function frameOf(message: Json): Frame {
  const bytes = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }));
  return readFrame(bytes, jsonLimitsOf(DEFAULT_LIMITS, bytes.length));
}
