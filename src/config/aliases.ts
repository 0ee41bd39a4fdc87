import type { z } from 'zod';
import { ALIAS } from './federation-schema.ts';

/**
 * Makes sure that a name behind the endpoint for many servers tells its server: aliases differ, and the
 * separator stands in none of them. It runs on files with other mistakes too.
 */
export function checkAliases(
  servers: Readonly<Record<string, unknown>>,
  separator: unknown,
  context: z.RefinementCtx,
): void {
  if (typeof separator !== 'string' || separator === '') return;
  const taken = new Map<string, string>();
  for (const [name, server] of Object.entries(servers)) {
    const alias = aliasOf(name, server);
    if (alias === null) continue;
    const other = taken.get(alias);
    const message =
      other === undefined ? unfit(alias, separator) : `begins names of "${other}" already`;
    taken.set(alias, name);
    if (message === null) continue;
    const hint = 'give the server another "alias", or set "federated: false"';
    const path = ['servers', name, ...(alias === name ? [] : ['alias'])];
    const params = alias === name ? { at: 'key' } : {};
    context.addIssue({
      code: 'custom',
      path,
      message: `${message}; ${hint}`,
      input: alias,
      params,
    });
  }
}

/** `null` for a server that is not behind the endpoint, or that is none. */
function aliasOf(name: string, server: unknown): string | null {
  if (typeof server !== 'object' || server === null) return null;
  const { alias = name, federated } = server as { alias?: unknown; federated?: unknown };
  return typeof alias === 'string' && federated === true ? alias : null;
}

function unfit(alias: string, separator: string): string | null {
  if (!ALIAS.test(alias)) {
    return 'cannot begin names of tools: over 32 characters, or "-" and "_" not between letters or digits';
  }
  return alias.includes(separator) ? `contains the separator "${separator}"` : null;
}
