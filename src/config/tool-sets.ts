import { nearest } from '#lib';
import { compileGlob, globReaches } from '#policy';
import type { z } from 'zod';
import { schemeOf } from './scheme.ts';

type Mapping = Readonly<Record<string, unknown>>;

interface Named {
  readonly name: string;
  readonly alias: string;
  readonly federated: boolean;
}

interface Mistake {
  readonly message: string;
  readonly suggestion: string | undefined;
}

type Check = (pattern: string) => Mistake | null;

/**
 * Finds what a set names in vain: servers that do not exist or are not behind the endpoint, and patterns
 * that no name of its servers can match. It runs on files with other mistakes too.
 */
export function checkToolSets(
  servers: Mapping,
  { separator, sets }: Mapping,
  context: z.RefinementCtx,
): void {
  const all = Object.entries(servers).map(named);
  if (typeof separator !== 'string' || all.length === 0) return;
  for (const [set, entry] of Object.entries(asMapping(sets))) {
    const content = asMapping(entry);
    for (const [key, check] of Object.entries(checksOf(content, all, separator))) {
      for (const [index, pattern] of textsIn(content[key])) {
        const mistake = check(pattern);
        if (mistake === null) continue;
        const { message, suggestion } = mistake;
        const path = ['federation', 'sets', set, key, index];
        const params = suggestion === undefined ? {} : { suggestion };
        context.addIssue({ code: 'custom', path, message, input: pattern, params });
      }
    }
  }
}

/** By the key of the set whose patterns they are for. */
function checksOf(
  set: Mapping,
  servers: readonly Named[],
  separator: string,
): Readonly<Record<string, Check>> {
  const able = servers.filter(({ federated }) => federated);
  const wanted = textsIn(set['servers']).map(([, pattern]) => compileGlob(pattern));
  const chosen = able.filter(({ name }) => wanted.some((matches) => matches(name)));
  // A list that chooses none has a mistake of its own, or waits for servers to come.
  const aliases = (chosen.length === 0 ? able : chosen).map(({ alias }) => alias);
  const name = patternCheck(aliases, separator);
  return {
    servers: (pattern) => serverMistake(pattern, servers),
    tools: name,
    prompts: name,
    resources: patternCheck(aliases.map(schemeOf), '+'),
  };
}

/** A pattern may be there for servers to come; a name is of one that should be there. */
function serverMistake(pattern: string, servers: readonly Named[]): Mistake | null {
  if (pattern.includes('*')) return null;
  const server = servers.find(({ name }) => name === pattern);
  if (server?.federated === true) return null;
  if (server !== undefined) {
    const message = 'this server has "federated: false", so it is in no set';
    return { message, suggestion: undefined };
  }
  const able = servers.filter(({ federated }) => federated);
  const called = able.find(({ alias }) => alias === pattern)?.name;
  const suggestion =
    called ??
    nearest(
      pattern,
      able.map(({ name }) => name),
    );
  return { message: 'no server has this name', suggestion };
}

/** @param beginnings of names: what tells the server, without what follows it in every name. */
function patternCheck(beginnings: readonly string[], separator: string): Check {
  return (pattern) => {
    if (beginnings.some((beginning) => globReaches(pattern, beginning + separator))) return null;
    const message = `matches nothing: names here begin with the alias of a server of this set and "${separator}"`;
    const at = pattern.indexOf(separator);
    const meant = at > 0 ? nearest(pattern.slice(0, at), beginnings) : undefined;
    return { message, suggestion: meant === undefined ? meant : meant + pattern.slice(at) };
  };
}

function named([name, server]: [string, unknown]): Named {
  const { alias, federated } = asMapping(server);
  return {
    name,
    alias: typeof alias === 'string' ? alias : name,
    federated: federated !== false,
  };
}

function textsIn(list: unknown): readonly (readonly [index: number, text: string])[] {
  if (!Array.isArray(list)) return [];
  return [...list.entries()].filter(
    (entry): entry is [number, string] => typeof entry[1] === 'string',
  );
}

function asMapping(value: unknown): Mapping {
  return typeof value === 'object' && value !== null ? (value as Mapping) : {};
}
