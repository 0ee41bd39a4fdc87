/** Tools that say something before they answer. */
import type { McpServer, ServerContext } from '@modelcontextprotocol/server';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { says } from './content.ts';

const NOTHING = z.object({});

/** Between two reports, as the suite asks for. */
const PAUSE_MS = 50;

/** Registers them. */
export function addReports(server: McpServer): void {
  server.registerTool(
    'test_tool_with_logging',
    { description: 'Logs while it works', inputSchema: NOTHING },
    async (_args, ctx) => {
      for (const line of ['Tool execution started', 'Tool processing data', 'Tool completed']) {
        await log(ctx, line);
        await delay(PAUSE_MS);
      }
      return says('Logged.');
    },
  );
  server.registerTool(
    'test_logging_tool',
    { description: 'Logs, if it is asked to', inputSchema: NOTHING },
    async (_args, ctx) => {
      await log(ctx, 'Once.');
      return says('Logging evaluated.');
    },
  );
  server.registerTool(
    'test_tool_with_progress',
    { description: 'Reports progress', inputSchema: NOTHING },
    async (_args, ctx) => {
      for (const progress of [0, 50, 100]) {
        await report(ctx, progress);
        await delay(PAUSE_MS);
      }
      return says('Done.');
    },
  );
  server.registerTool(
    'test_reconnection',
    { description: 'Ends its stream, and answers on the next', inputSchema: NOTHING },
    async (_args, ctx) => {
      ctx.http?.closeSSE?.();
      await delay(PAUSE_MS);
      return says('Reconnected.');
    },
  );
}

async function log(ctx: ServerContext, data: string): Promise<void> {
  await ctx.mcpReq.log('info', data, 'fixture');
}

async function report(ctx: ServerContext, progress: number): Promise<void> {
  const progressToken = ctx.mcpReq['_meta']?.progressToken;
  if (progressToken === undefined) return;
  const params = { progressToken, progress, total: 100, message: `${progress} of 100` };
  await ctx.mcpReq.notify({ method: 'notifications/progress', params });
}
