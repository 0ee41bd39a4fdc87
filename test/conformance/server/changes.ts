/** Changes that clients are told of. */
import type { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { says } from './content.ts';

/** Tells subscribers; how depends on what carries the server. */
export interface Announcer {
  toolsChanged(server: McpServer): void;
  promptsChanged(server: McpServer): void;
}

const SUBSCRIPTION = { params: z.looseObject({ uri: z.string() }) };

/** Registers tools that pretend a change, and subscriptions for the era that has requests for them. */
export function addChanges(
  server: McpServer,
  era: 'legacy' | 'modern',
  announcer: Announcer,
): void {
  server.registerTool('test_trigger_tool_change', { description: 'New tools' }, () => {
    announcer.toolsChanged(server);
    return says('The list of tools has changed.');
  });
  server.registerTool('test_trigger_prompt_change', { description: 'New prompts' }, () => {
    announcer.promptsChanged(server);
    return says('The list of prompts has changed.');
  });
  if (era === 'modern') return;
  server.server.setRequestHandler('resources/subscribe', SUBSCRIPTION, () => ({}));
  server.server.setRequestHandler('resources/unsubscribe', SUBSCRIPTION, () => ({}));
}
