import type { ParamHeader, RequestFrame, ResponseFrame } from '#mcp';
import { isObject, paramHeadersOf } from '#mcp';

/** Tools of which one is remembered what their headers are; more than any server has. */
const MAX_TOOLS = 4096;

/**
 * The arguments of tools that headers mirror (2026-07-28, Streamable HTTP, "Custom Headers from Tool
 * Parameters"), which a client on another transport leaves to whoever speaks HTTP for it.
 */
export class MirroredParams {
  readonly #byTool = new Map<string, readonly ParamHeader[]>();

  /** Takes note of the tools in an answer to `tools/list`. */
  learn({ outcome }: ResponseFrame): void {
    const tools = 'result' in outcome ? outcome.result['tools'] : undefined;
    if (!Array.isArray(tools)) return;
    for (const tool of tools.filter(isObject)) {
      const { name, inputSchema } = tool;
      if (typeof name !== 'string') continue;
      const read = paramHeadersOf(inputSchema);
      if (read.fault !== null || read.headers.length === 0) this.#byTool.delete(name);
      else if (this.#byTool.size < MAX_TOOLS) this.#byTool.set(name, read.headers);
    }
  }

  /** Those of the tool that a message calls. */
  of({ method, params }: Pick<RequestFrame, 'method' | 'params'>): readonly ParamHeader[] {
    const name = method === 'tools/call' ? params['name'] : undefined;
    return typeof name === 'string' ? (this.#byTool.get(name) ?? []) : [];
  }
}
