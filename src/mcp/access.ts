import { InvalidParams } from './errors.ts';
import type { Frame, RequestFrame } from './frame.ts';
import { isObject, paramOf } from './frame.ts';
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
  const { method } = frame;
  switch (method) {
    case 'tools/call':
      return [{ kind: 'tool', name: text(paramOf(frame, 'name'), 'name') }];
    case 'prompts/get':
      return [{ kind: 'prompt', name: text(paramOf(frame, 'name'), 'name') }];
    case 'resources/read':
    case 'resources/subscribe':
    case 'resources/unsubscribe':
      return [{ kind: 'resource', name: text(paramOf(frame, 'uri'), 'uri') }];
    case 'completion/complete':
      return [completionTarget(paramOf(frame, 'ref'))];
    case 'subscriptions/listen':
      return [SERVER, ...subscribedResources(paramOf(frame, 'notifications'))];
    default:
      if (PROTOCOL_METHODS.has(method)) return [SERVER];
      checkLength(method, 'method');
      return [{ kind: 'method', name: method, known: TASK_METHODS.has(method) }];
  }
}

function completionTarget(ref: unknown): Access {
  if (isObject(ref) && ref['type'] === 'ref/prompt') {
    return { kind: 'prompt', name: text(ref['name'], 'name') };
  }
  if (isObject(ref) && ref['type'] === 'ref/resource') {
    return { kind: 'resource', name: text(ref['uri'], 'uri') };
  }
  throw new InvalidParams('"ref" names neither a prompt nor a resource');
}

function subscribedResources(filter: unknown): readonly Access[] {
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

function text(value: unknown, key: string): string {
  if (typeof value !== 'string' || value === '') throw new InvalidParams(`"${key}" is no string`);
  checkLength(value, key);
  return value;
}

function checkLength(value: string, key: string): void {
  if (value.length > MAX_NAME_LENGTH) {
    throw new InvalidParams(`"${key}" is longer than ${MAX_NAME_LENGTH} characters`);
  }
}
