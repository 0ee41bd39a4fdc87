import type { ToolSetSettings } from '#config';
import { compileGlob, globReaches, uriReadings } from '#policy';
import type { Member } from './members.ts';
import { federatedUri } from './uris.ts';

/** A part of what the shared endpoint has. It narrows: policy decides each call besides. */
export interface ToolSet {
  /** Whether it may have anything of a server; one that it has not is never asked for the set. */
  hasServer(member: Member): boolean;
  /** By the name or URI that the endpoint has for it. */
  has(kind: ItemKind, name: string): boolean;
}

/** What lists have items of. */
export type ItemKind = 'tool' | 'prompt' | 'resource';

/** All there is. */
export const EVERYTHING: ToolSet = { hasServer: () => true, has: () => true };

/** A set as configured. */
export function createToolSet(settings: ToolSetSettings): ToolSet {
  const servers = anyOf(settings.servers);
  const items = {
    tool: anyOf(settings.tools),
    prompt: anyOf(settings.prompts),
    resource: anyOf(settings.resources),
  };
  return {
    hasServer: (member) => servers(member.server) && offersTo(settings, member),
    // A URI has to match however the server may read it, or dots would lead out of the set.
    has: (kind, name) => (kind === 'resource' ? readingsOf(name) : [name]).every(items[kind]),
  };
}

function offersTo({ tools, prompts, resources }: ToolSetSettings, member: Member): boolean {
  const { prefix, scheme } = member;
  return (
    reaches(tools, prefix) ||
    reaches(prompts, prefix) ||
    reaches(resources, federatedUri(scheme, ''))
  );
}

function reaches(patterns: readonly string[] | null, beginning: string): boolean {
  return patterns === null || patterns.some((pattern) => globReaches(pattern, beginning));
}

/** The server reads its own URI, whose scheme may have other rules than the one that names the server. */
function readingsOf(uri: string): readonly string[] {
  const own = uri.indexOf('+') + 1;
  const prefix = uri.slice(0, own);
  return [...uriReadings(uri), ...uriReadings(uri.slice(own)).map((reading) => prefix + reading)];
}

function anyOf(patterns: readonly string[] | null): (text: string) => boolean {
  if (patterns === null) return () => true;
  const matchers = patterns.map(compileGlob);
  return (text) => matchers.some((matches) => matches(text));
}
