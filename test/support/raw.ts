/** MCP over HTTP by hand, for what official clients never send. */

/** One answer, read whole. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The JSON-RPC message of the body, the last one of a stream; `null` without one. */
  readonly message: Record<string, unknown> | null;
}

/** Sends one message, or any value as a body; `null` for none. */
export async function send(
  through: typeof fetch,
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
  method = 'POST',
): Promise<RawAnswer> {
  const response = await through(url, {
    method,
    headers: {
      accept: 'application/json, text/event-stream',
      ...(body === null ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === null ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = text.startsWith('{') ? text : lastData(text);
  const message = json === '' ? null : (JSON.parse(json) as Record<string, unknown>);
  return { status: response.status, headers: response.headers, message };
}

/** An `initialize` request. */
export function initialize(protocolVersion = '2025-11-25'): object {
  const clientInfo = { name: 'by-hand', version: '1' };
  const params = { protocolVersion, capabilities: {}, clientInfo };
  return { jsonrpc: '2.0', id: 0, method: 'initialize', params };
}

/** A request. */
export function request(id: number | string, method: string, params: object = {}): object {
  return { jsonrpc: '2.0', id, method, params };
}

/** The error of a message, as far as it is the same whoever answers. */
export function errorCodeOf({ message }: RawAnswer): unknown {
  return (message?.['error'] as { code?: unknown } | undefined)?.code;
}

/** Opens a session of a stateful revision; its id, for the headers of what follows. */
export async function openSession(
  through: typeof fetch,
  url: string,
  revision?: string,
): Promise<{ 'mcp-session-id': string }> {
  const { headers } = await send(through, url, initialize(revision));
  const id = headers.get('mcp-session-id');
  if (id === null) throw new Error('no session was opened');
  const session = { 'mcp-session-id': id };
  await send(through, url, { jsonrpc: '2.0', method: 'notifications/initialized' }, session);
  return session;
}

function lastData(stream: string): string {
  return /(?:^|\n)data: (\{.*\})\n\n$/.exec(stream)?.[1] ?? '';
}
