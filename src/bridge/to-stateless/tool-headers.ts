import type { JsonObject, ParamHeader, RequestFrame } from '#mcp';
import { isObject, paramHeadersOf } from '#mcp';
import { framesOf, requestFrame } from '../frames.ts';
import { introduced } from '../meta.ts';
import type { CallContext } from './call.ts';
import { toServer } from './server.ts';

/** Tools with mirrored parameters that are remembered of one session, and pages of their list. */
const MAX_TOOLS = 1024;
const MAX_PAGES = 16;

/** Which parameters of which tools a server wants to see in headers, as its lists of tools say. */
export class ToolHeaders {
  readonly #byTool = new Map<string, readonly ParamHeader[]>();

  /** Those of the tool that a request calls. */
  of({ method, params }: RequestFrame): readonly ParamHeader[] {
    const { name } = params;
    if (method !== 'tools/call' || typeof name !== 'string') return [];
    return this.#byTool.get(name) ?? [];
  }

  /** Reads a result of `tools/list`. */
  read({ tools }: JsonObject): void {
    for (const tool of Array.isArray(tools) ? (tools as readonly unknown[]) : []) {
      if (!isObject(tool) || typeof tool['name'] !== 'string') continue;
      const read = paramHeadersOf(tool['inputSchema']);
      if (read.fault !== null || read.headers.length === 0) this.#byTool.delete(tool['name']);
      else if (this.#byTool.size < MAX_TOOLS) this.#byTool.set(tool['name'], read.headers);
    }
  }

  /**
   * Asks the server for its tools after it refused a call for its headers (2026-07-28, Streamable HTTP,
   * "Client Behavior"); whether the call would now go out with others.
   */
  async learn(call: RequestFrame, context: CallContext): Promise<boolean> {
    if (call.method !== 'tools/call') return false;
    const before = JSON.stringify(this.of(call));
    let cursor: unknown;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const result = await listTools(cursor, context);
      this.read(result);
      cursor = result['nextCursor'];
      if (typeof cursor !== 'string') break;
    }
    return JSON.stringify(this.of(call)) !== before;
  }
}

async function listTools(cursor: unknown, context: CallContext): Promise<JsonObject> {
  const { upstream, limits, client, principal, signal } = context;
  const params = introduced(cursor === undefined ? {} : { cursor }, client);
  const frame = requestFrame(context.nextId(), 'tools/list', params);
  const reply = await upstream.exchange(toServer(frame, { principal, signal }));
  for await (const message of framesOf(reply, limits)) {
    if (message.kind === 'response' && 'result' in message.outcome) return message.outcome.result;
  }
  return {};
}
