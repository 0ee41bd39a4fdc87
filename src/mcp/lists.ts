import type { Access } from './access.ts';
import type { JsonObject, ResponseFrame } from './frame.ts';
import { isObject } from './frame.ts';

interface ListShape {
  readonly method: string;
  readonly items: string;
  readonly name: string;
  readonly kind: 'tool' | 'resource' | 'prompt';
}

/** Where each list keeps its items and what names them. */
const LISTS: readonly ListShape[] = [
  { method: 'tools/list', items: 'tools', name: 'name', kind: 'tool' },
  { method: 'prompts/list', items: 'prompts', name: 'name', kind: 'prompt' },
  { method: 'resources/list', items: 'resources', name: 'uri', kind: 'resource' },
  // A template is visible when policy allows its text, braces included, as if it were a URI.
  {
    method: 'resources/templates/list',
    items: 'resourceTemplates',
    name: 'uriTemplate',
    kind: 'resource',
  },
];

/** The methods whose results may be cached (2026-07-28, "Cacheable Results"). */
const CACHEABLE: ReadonlySet<string> = new Set([
  'server/discover',
  'resources/read',
  ...LISTS.map(({ method }) => method),
]);

/**
 * A response with only the list items that are visible, and cached for its caller alone: the same bytes
 * when that is so already, a new serialisation of what was read otherwise. Items without a proper name
 * are left out.
 *
 * @param method of the request it answers; `null` when that is not known (a replayed response): then
 *   whatever looks like a list is filtered.
 */
export function filterList(
  method: string | null,
  frame: ResponseFrame,
  visible: (access: Access) => boolean,
): Buffer {
  if ('error' in frame.outcome) return frame.bytes;
  let { result } = frame.outcome;
  for (const shape of LISTS) {
    if (method === null || method === shape.method) result = filterItems(result, shape, visible);
  }
  result = forThisCaller(method, result);
  if (result === frame.outcome.result) return frame.bytes;
  return Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: frame.id, result }));
}

function filterItems(
  result: JsonObject,
  shape: ListShape,
  visible: (access: Access) => boolean,
): JsonObject {
  const items = result[shape.items];
  if (!Array.isArray(items)) return result;
  const kept = items.filter((item: unknown) => {
    const name = isObject(item) ? item[shape.name] : undefined;
    return typeof name === 'string' && visible({ kind: shape.kind, name });
  });
  return kept.length === items.length ? result : { ...result, [shape.items]: kept };
}

/**
 * Who may see it was decided for this caller, so no cache may serve it to another (2026-07-28, Caching),
 * also when a list happens to be whole.
 */
function forThisCaller(method: string | null, result: JsonObject): JsonObject {
  const cacheable = method === null || CACHEABLE.has(method);
  if (!cacheable || result['cacheScope'] !== 'public') return result;
  return { ...result, cacheScope: 'private' };
}
