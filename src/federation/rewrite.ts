import type { Edits, Frame, JsonObject } from '#mcp';
import { editJson, isObject } from '#mcp';
import type { Member } from './members.ts';
import { federatedUri } from './uris.ts';

/** Methods whose results hold URIs of resources. */
const WITH_URIS: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read']);

/** The notifications that a list is another one now. */
export const LIST_CHANGES: ReadonlySet<string> = new Set([
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
]);

/** Whether a notification says that a list is another one now. */
export function isListChange(method: string): boolean {
  return LIST_CHANGES.has(method);
}

/**
 * A member's answer as the shared endpoint gives it: with the endpoint's URIs in links and embedded
 * resources. The same bytes when there is none.
 *
 * @param method of the request that it answers.
 */
export function rewriteAnswer(bytes: Buffer, method: string, member: Member): Buffer {
  if (!WITH_URIS.has(method)) return bytes;
  if (!bytes.includes('"uri"') && !bytes.includes('esourceUri"')) return bytes;
  return editJson(bytes, { result: resultEdits(member.scheme) });
}

function resultEdits(scheme: string): Edits {
  const uri = prefixed(scheme);
  // A block of content is a link, or holds a resource; nothing else in it has these keys.
  const block = { uri, resource: { uri } };
  return {
    content: { '*': block },
    messages: { '*': { content: { ...block, '*': block } } },
    contents: { '*': { uri } },
    _meta: uiEdits(scheme),
  };
}

/** Where MCP apps name the resource that shows a tool; the second is the older place. */
function uiEdits(scheme: string): Edits {
  const uri = prefixed(scheme);
  return { ui: { resourceUri: uri }, 'ui/resourceUri': uri };
}

/** `_meta` of a tool with the endpoint's URIs. */
export function rewriteToolMeta(meta: unknown, { scheme }: Member): JsonObject | undefined {
  if (!isObject(meta)) return undefined;
  const { ui } = meta;
  const older = meta['ui/resourceUri'];
  return {
    ...meta,
    ...(isObject(ui) && typeof ui['resourceUri'] === 'string'
      ? { ui: { ...ui, resourceUri: federatedUri(scheme, ui['resourceUri']) } }
      : {}),
    ...(typeof older === 'string' ? { 'ui/resourceUri': federatedUri(scheme, older) } : {}),
  };
}

/** `notifications/resources/updated` with the endpoint's URI; any other notification as it is. */
export function rewriteNotification(frame: Frame, { scheme }: Member): Buffer {
  if (frame.kind !== 'notification') return frame.bytes;
  if (frame.method !== 'notifications/resources/updated') return frame.bytes;
  return editJson(frame.bytes, { params: { uri: prefixed(scheme) } });
}

function prefixed(scheme: string) {
  return (value: unknown) => (typeof value === 'string' ? federatedUri(scheme, value) : undefined);
}
