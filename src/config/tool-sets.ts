import { nearest } from '#lib';
import { globReaches } from '#policy';
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
 * that no name there can match. It runs on files with other mistakes too.
 */
export function checkToolSets(
  servers: Mapping,
  { separator, sets }: Mapping,
  context: z.RefinementCtx,
): void {
  const all = Object.entries(servers).map(named);
  if (typeof separator !== 'string' || all.length === 0) return;
  const aliases = all.filter(({ federated }) => federated).map(({ alias }) => alias);
  const name = patternCheck(aliases, separator);
  const checks: Readonly<Record<string, Check>> = {
    servers: (pattern) => serverMistake(pattern, all),
    tools: name,
    prompts: name,
    resources: patternCheck(aliases.map(schemeOf), '+'),
  };
  for (const [set, content] of Object.entries(asMapping(sets))) {
    for (const [key, check] of Object.entries(checks)) {
      for (const [index, pattern] of textsIn(asMapping(content)[key])) {
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
    const message = `matches nothing: names begin with a federated server’s alias and "${separator}"`;
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
