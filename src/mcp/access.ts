import { InvalidParams } from './errors.ts';
import type { Frame, JsonObject, RequestFrame } from './frame.ts';
import { isObject } from './frame.ts';
import type { Revision } from './revisions.ts';

/** One thing that a message touches, and that policy therefore has to allow. */
export type Access =
  | { readonly kind: 'tool' | 'resource' | 'prompt'; readonly name: string }
  /** The protocol itself: whoever may reach the server may use it. */
  | { readonly kind: 'server' }
  /**
   * A method beyond them. One that no known revision defines (`known: false`) must be named by policy;
   * tasks are known, but may be somebody else's, so being let in for one tool does not open them.
   */
  | { readonly kind: 'method'; readonly name: string; readonly known: boolean };

const SERVER: Access = { kind: 'server' };

/** Methods of the protocol that name no tool, resource or prompt. */
const PROTOCOL_METHODS: ReadonlySet<string> = new Set([
  'initialize',
  'ping',
  'server/discover',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'logging/setLevel',
  'notifications/initialized',
  'notifications/cancelled',
  'notifications/progress',
  'notifications/roots/list_changed',
  'notifications/tasks/status',
  'notifications/elicitation/complete',
]);

/** Methods on tasks (2025-11-25), which name what a call of anybody may have started. */
const TASK_METHODS: ReadonlySet<string> = new Set([
  'tasks/get',
  'tasks/list',
  'tasks/result',
  'tasks/update',
  'tasks/cancel',
]);

/** Requests of the stateful era that 2026-07-28 has no more. */
const STATEFUL_REQUESTS: ReadonlySet<string> = new Set([
  'initialize',
  'ping',
  'logging/setLevel',
  'resources/subscribe',
  'resources/unsubscribe',
]);

/** A longer name or URI is refused: deciding costs time for each character. */
const MAX_NAME_LENGTH = 8192;
const MAX_SUBSCRIPTIONS = 1000;

/**
 * Whether a request is of a method that its revision has no more. A server of both eras might serve it
 * all the same, under rules that are not those of its revision.
 */
export function isGone({ method }: RequestFrame, { era }: Revision): boolean {
  return era === 'stateless' && STATEFUL_REQUESTS.has(method);
}

/**
 * What a client's message touches; every item must be allowed.
 *
 * @throws InvalidParams when the message does not say clearly what it names.
 */
export function accessesOf(frame: Frame): readonly Access[] {
  if (frame.kind === 'response') return [SERVER];
  const { method, params } = frame;
  switch (method) {
    case 'tools/call':
      return [{ kind: 'tool', name: text(params, 'name') }];
    case 'prompts/get':
      return [{ kind: 'prompt', name: text(params, 'name') }];
    case 'resources/read':
    case 'resources/subscribe':
    case 'resources/unsubscribe':
      return [{ kind: 'resource', name: text(params, 'uri') }];
    case 'completion/complete':
      return [completionTarget(params)];
    case 'subscriptions/listen':
      return [SERVER, ...subscribedResources(params)];
    default:
      if (PROTOCOL_METHODS.has(method)) return [SERVER];
      checkLength(method, 'method');
      return [{ kind: 'method', name: method, known: TASK_METHODS.has(method) }];
  }
}

function completionTarget(params: JsonObject): Access {
  const ref = params['ref'];
  if (isObject(ref) && ref['type'] === 'ref/prompt') {
    return { kind: 'prompt', name: text(ref, 'name') };
  }
  if (isObject(ref) && ref['type'] === 'ref/resource') {
    return { kind: 'resource', name: text(ref, 'uri') };
  }
  throw new InvalidParams('"ref" names neither a prompt nor a resource');
}

function subscribedResources(params: JsonObject): readonly Access[] {
  const filter = params['notifications'];
  const uris = isObject(filter) ? filter['resourceSubscriptions'] : undefined;
  if (uris === undefined) return [];
  if (!Array.isArray(uris)) throw new InvalidParams('"resourceSubscriptions" is not an array');
  if (uris.length > MAX_SUBSCRIPTIONS) {
    throw new InvalidParams(`more than ${MAX_SUBSCRIPTIONS} resources in one subscription`);
  }
  return uris.map((uri: unknown) => {
    if (typeof uri !== 'string') throw new InvalidParams('a subscribed resource is not a string');
    checkLength(uri, 'resourceSubscriptions');
    return { kind: 'resource', name: uri };
  });
}

function text(object: JsonObject, key: string): string {
  const value = object[key];
  if (typeof value !== 'string' || value === '') throw new InvalidParams(`"${key}" is no string`);
  checkLength(value, key);
  return value;
}

function checkLength(value: string, key: string): void {
  if (value.length > MAX_NAME_LENGTH) {
    throw new InvalidParams(`"${key}" is longer than ${MAX_NAME_LENGTH} characters`);
  }
}
