import type { JsonObject, RequestFrame } from '#mcp';
import { editJson, isObject } from '#mcp';

/** The extension of 2026-07-28; before, tasks were a capability. */
const TASKS = 'io.modelcontextprotocol/tasks';
const CLIENT_CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';

/**
 * A client's `initialize` without the capability for tasks: a server must not begin what nobody could ask
 * after, since the id of a task does not tell its server.
 */
export function withoutTasks(params: JsonObject): JsonObject {
  const { capabilities } = params;
  if (!isObject(capabilities)) return params;
  const { tasks: _, ...others } = capabilities;
  return { ...params, capabilities: others };
}

/** The same for a request that names the client's capabilities itself. */
export function withoutTaskExtension(frame: RequestFrame): RequestFrame {
  const extensions = (value: unknown): unknown => {
    if (!isObject(value) || !(TASKS in value)) return undefined;
    const { [TASKS]: _, ...others } = value;
    return others;
  };
  const edits = { params: { _meta: { [CLIENT_CAPABILITIES]: { extensions } } } };
  const bytes = editJson(frame.bytes, edits);
  return bytes === frame.bytes ? frame : { ...frame, bytes };
}
