import type { Access } from './access.ts';
import type { ResponseFrame } from './frame.ts';
import { READ_BEFORE } from './json/limits.ts';
import type { Members, Span } from './json/members.ts';
import { scanArray, scanObject } from './json/scan.ts';
import type { KnownKey } from './json/outline.ts';
import { LIST_ITEM, MESSAGE } from './shapes.ts';

interface ListShape {
  readonly method: string;
  readonly items: KnownKey;
  readonly name: KnownKey;
  readonly kind: 'tool' | 'resource' | 'prompt';
}

const CACHE_SCOPE = MESSAGE.key('result', 'cacheScope');

/** Where each list keeps its items and what names them. */
const LISTS: readonly ListShape[] = [
  {
    method: 'tools/list',
    items: MESSAGE.key('result', 'tools'),
    name: LIST_ITEM.key('name'),
    kind: 'tool',
  },
  {
    method: 'prompts/list',
    items: MESSAGE.key('result', 'prompts'),
    name: LIST_ITEM.key('name'),
    kind: 'prompt',
  },
  {
    method: 'resources/list',
    items: MESSAGE.key('result', 'resources'),
    name: LIST_ITEM.key('uri'),
    kind: 'resource',
  },
  // A template is visible when policy allows its text, braces included, as if it were a URI.
  {
    method: 'resources/templates/list',
    items: MESSAGE.key('result', 'resourceTemplates'),
    name: LIST_ITEM.key('uriTemplate'),
    kind: 'resource',
  },
];

/** The methods whose results may be cached (2026-07-28, "Cacheable Results"). */
const CACHEABLE: ReadonlySet<string> = new Set([
  'server/discover',
  'resources/read',
  ...LISTS.map(({ method }) => method),
]);

/** One part of a message that is replaced. */
interface Edit {
  readonly at: Span;
  readonly by: Buffer;
}

const PRIVATE = Buffer.from('"private"');

/**
 * A response with only the list items that are visible, and cached for its caller alone: the same bytes
 * when that is so already, else the same bytes without the other items. Items without a proper name are
 * left out.
 *
 * @param method of the request it answers; `null` when that is not known (a replayed response): then
 *   whatever looks like a list is filtered.
 * @throws FrameAmbiguous when an item has its name in another spelling.
 */
export function filterList(
  method: string | null,
  frame: ResponseFrame,
  visible: (access: Access) => boolean,
): Buffer {
  const shapes = LISTS.filter((shape) => method === null || method === shape.method);
  const isCacheable = method === null || CACHEABLE.has(method);
  if (!isCacheable || 'error' in frame.outcome) return frame.bytes;
  const { bytes } = frame;
  const result = scanObject(bytes, READ_BEFORE, MESSAGE);
  if (result === null) return bytes;
  const edits: Edit[] = [];
  for (const shape of shapes) {
    const at = result.span(shape.items);
    const kept =
      at === null ? null : visibleItems(bytes.subarray(at.start, at.end), shape, visible);
    if (at !== null && kept !== null && kept.hidden > 0)
      edits.push({ at, by: arrayOf(kept.items) });
  }
  if (isCacheable) edits.push(...unshared(result));
  return edited(bytes, edits);
}

/** The items of a list that are visible, and how many are not; `null` when it is no list. */
function visibleItems(
  list: Buffer,
  shape: ListShape,
  visible: (access: Access) => boolean,
): { readonly items: readonly Buffer[]; readonly hidden: number } | null {
  const items: Buffer[] = [];
  let hidden = 0;
  const isArray = scanArray(list, READ_BEFORE, LIST_ITEM, (start, end, members) => {
    const name = members?.value(shape.name);
    if (typeof name === 'string' && visible({ kind: shape.kind, name })) {
      items.push(list.subarray(start, end));
    } else {
      hidden += 1;
    }
  });
  return isArray ? { items, hidden } : null;
}

/**
 * Who may see it was decided for this caller, so no cache may serve it to another (2026-07-28, Caching),
 * also when a list happens to be whole.
 */
function unshared(result: Members): readonly Edit[] {
  const at = result.value(CACHE_SCOPE) === 'public' ? result.span(CACHE_SCOPE) : null;
  return at === null ? [] : [{ at, by: PRIVATE }];
}

function arrayOf(items: readonly Buffer[]): Buffer {
  const parts = items.flatMap((item, index) => (index === 0 ? [item] : [Buffer.from(','), item]));
  return Buffer.concat([Buffer.from('['), ...parts, Buffer.from(']')]);
}

/** The bytes with some parts of them replaced. */
function edited(bytes: Buffer, edits: readonly Edit[]): Buffer {
  if (edits.length === 0) return bytes;
  const parts: Buffer[] = [];
  let done = 0;
  for (const { at, by } of edits.toSorted((one, other) => one.at.start - other.at.start)) {
    parts.push(bytes.subarray(done, at.start), by);
    done = at.end;
  }
  return Buffer.concat([...parts, bytes.subarray(done)]);
}
