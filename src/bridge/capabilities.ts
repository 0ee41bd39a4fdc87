/** What clients and servers of one era can do, in the words of the other. */
import type { JsonObject, RequestFrame } from '#mcp';
import { isObject } from '#mcp';

/** Capabilities of a client of the stateful era for a server of the stateless one. */
export function clientForStateless(capabilities: JsonObject): JsonObject {
  // Tasks became an extension of another shape, and nobody tells servers of changed roots any more.
  return pick(capabilities, ['experimental', 'sampling', 'elicitation', 'extensions'], {
    roots: capabilities['roots'] === undefined ? undefined : {},
  });
}

/** Capabilities of a client of the stateless era for a server of the stateful one. */
export function clientForStateful(capabilities: JsonObject): JsonObject {
  return pick(capabilities, ['experimental', 'sampling', 'elicitation'], {
    roots: capabilities['roots'] === undefined ? undefined : {},
  });
}

/** Capabilities of a server for clients of the other era: all but tasks, which are not bridged. */
export function serverForOther(capabilities: JsonObject): JsonObject {
  const same = ['experimental', 'logging', 'completions', 'prompts', 'resources', 'tools'];
  return pick(capabilities, [...same, 'extensions'], {
    extensions: withoutTasks(capabilities['extensions']),
  });
}

/** Methods by which a server asks a client while it works on a request. */
const QUESTIONS: ReadonlySet<string> = new Set([
  'sampling/createMessage',
  'elicitation/create',
  'roots/list',
]);

/** Whether a client with these capabilities can be asked by a server at all. */
export function canBeAsked(capabilities: JsonObject): boolean {
  return ['sampling', 'elicitation', 'roots'].some((name) => isObject(capabilities[name]));
}

/** Whether a client has said that it answers this request of a server. */
export function answersTo(
  capabilities: JsonObject,
  { method, params }: Pick<RequestFrame, 'method' | 'params'>,
): boolean {
  if (!QUESTIONS.has(method)) return false;
  const declared = capabilities[method.split('/', 1)[0] ?? ''];
  if (!isObject(declared)) return false;
  if (method === 'sampling/createMessage') {
    const usesTools = params['tools'] !== undefined || params['toolChoice'] !== undefined;
    return !usesTools || isObject(declared['tools']);
  }
  if (method !== 'elicitation/create') return true;
  if (params['mode'] === 'url') return isObject(declared['url']);
  // Before there were modes, an empty object stood for forms.
  return isObject(declared['form']) || !isObject(declared['url']);
}

function withoutTasks(extensions: unknown): unknown {
  if (!isObject(extensions)) return undefined;
  const { 'io.modelcontextprotocol/tasks': _, ...rest } = extensions;
  return Object.keys(rest).length === 0 ? undefined : rest;
}

function pick(
  from: JsonObject,
  keys: readonly string[],
  instead: Readonly<Record<string, unknown>>,
): JsonObject {
  const chosen = { ...Object.fromEntries(keys.map((key) => [key, from[key]])), ...instead };
  return Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== undefined));
}
