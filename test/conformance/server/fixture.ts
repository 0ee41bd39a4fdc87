/** The server that the conformance suite is run against: one of everything it asks for, in both eras. */
import type { McpServerFactory } from '@modelcontextprotocol/server';
import { createRequestStateCodec, McpServer } from '@modelcontextprotocol/server';
import type { Announcer } from './changes.ts';
import { addChanges } from './changes.ts';
import { addPrompts } from './prompts.ts';
import { addQuestions } from './questions.ts';
import { addReports } from './reports.ts';
import { addResources } from './resources.ts';
import { addRounds } from './rounds.ts';
import { loadSkills } from './skills.ts';
import { addTasks, TASKS } from './tasks.ts';
import { TaskStore } from './task-store.ts';
import { addTools } from './tools.ts';

/** How long clients may keep what they were told; the suite asks for some value. */
const CACHE_HINT = { ttlMs: 60_000, cacheScope: 'public' } as const;

/** A factory of servers that share their tasks. */
export function fixtureFactory(announcer: Announcer): McpServerFactory {
  const state = createRequestStateCodec<string>({
    key: crypto.getRandomValues(new Uint8Array(32)),
    ttlSeconds: 60,
  });
  const tasks = new TaskStore();
  const skills = loadSkills();
  return async ({ era }) => {
    const server = new McpServer(
      { name: 'conformance-fixture', version: '1.0.0' },
      {
        capabilities: {
          tools: { listChanged: true },
          prompts: { listChanged: true },
          resources: { subscribe: true, listChanged: true },
          logging: {},
          completions: {},
          ...(era === 'modern' ? { extensions: { [TASKS]: {} } } : {}),
        },
        cacheHints: {
          'tools/list': CACHE_HINT,
          'prompts/list': CACHE_HINT,
          'resources/list': CACHE_HINT,
          'resources/templates/list': CACHE_HINT,
        },
        requestState: { verify: (sealed, ctx) => state.verify(sealed, ctx) },
      },
    );
    const seal = (value: string): Promise<string> => state.mint(value);
    addTools(server);
    addReports(server);
    addQuestions(server);
    addRounds(server, seal);
    addChanges(server, era, announcer);
    addResources(server);
    addPrompts(server);
    addTasks(server, era, tasks);
    if (era === 'modern') (await skills).attach(server);
    return server;
  };
}
