/** Tools that become tasks for clients of the extension `io.modelcontextprotocol/tasks` (SEP-2663). */
import type {
  CallToolRequest,
  CallToolResult,
  McpServer,
  ServerContext,
} from '@modelcontextprotocol/server';
import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  inputRequired,
  MissingRequiredClientCapabilityError,
  ProtocolError,
} from '@modelcontextprotocol/server';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { says } from './content.ts';
import type { TaskContext, TaskStore, TaskView } from './task-store.ts';

/** Name of the extension. */
export const TASKS = 'io.modelcontextprotocol/tasks';

const NAME = z.object({ name: z.string() });
const CONFIRM = z.object({ confirm: z.boolean() });
const ID = z.looseObject({ taskId: z.string() });

const TASK = { description: 'May become a task' };

/** A tool for clients of the extension alone. */
const TASK_ONLY = 'failing_job';

/** Registers the tools, and the requests about tasks for the era that has the extension. */
export function addTasks(server: McpServer, era: 'legacy' | 'modern', store: TaskStore): void {
  server.registerTool('greet', { description: 'Never a task', inputSchema: NAME }, ({ name }) =>
    says(`Hello, ${name}!`),
  );
  const seconds = z.object({ seconds: z.number().max(60), label: z.string().optional() });
  server.registerTool('slow_compute', { ...TASK, inputSchema: seconds }, (args, ctx) =>
    run(ctx, store, async ({ signal }) => {
      await delay(args.seconds * 1000, undefined, { signal, ref: false });
      return says(`Computed for ${args.seconds} s`);
    }),
  );
  server.registerTool(TASK_ONLY, TASK, (ctx) =>
    run(ctx, store, async () => ({ ...says('This job always fails'), isError: true })),
  );
  server.registerTool('protocol_error_job', TASK, (ctx) =>
    run(ctx, store, () => Promise.reject(new Error('The job broke'))),
  );
  addAsking(server, store);
  if (era === 'legacy') return;
  addRequests(server, store);
  requireTasks(server);
}

function addAsking(server: McpServer, store: TaskStore): void {
  const filename = z.object({ filename: z.string() });
  server.registerTool('confirm_delete', { ...TASK, inputSchema: filename }, (args, ctx) =>
    run(ctx, store, async ({ ask }) => {
      const message = `Delete ${args.filename}?`;
      const confirm = inputRequired.elicit({ message, requestedSchema: CONFIRM });
      return says(JSON.stringify(await ask({ confirm })));
    }),
  );
  server.registerTool('multi_input', TASK, (ctx) =>
    run(ctx, store, async ({ ask }) => {
      const name = inputRequired.elicit({ message: 'Your name?', requestedSchema: NAME });
      const confirm = inputRequired.elicit({ message: 'Sure?', requestedSchema: CONFIRM });
      return says(JSON.stringify(await ask({ name, confirm })));
    }),
  );
  server.registerTool('test_tool_with_task', TASK, (ctx) => {
    const answer = acceptedContent(ctx.mcpReq.inputResponses, 'user_name', NAME);
    if (answer !== undefined) return run(ctx, store, async () => says(`Hello, ${answer.name}!`));
    const user_name = inputRequired.elicit({ message: 'Your name?', requestedSchema: NAME });
    return inputRequired({ inputRequests: { user_name } });
  });
}

function addRequests(server: McpServer, store: TaskStore): void {
  server.server.setRequestHandler('tasks/get', { params: ID }, ({ taskId }, ctx) =>
    known(ctx, store, taskId),
  );
  server.server.setRequestHandler('tasks/cancel', { params: ID }, ({ taskId }, ctx) => {
    known(ctx, store, taskId);
    store.cancel(taskId);
    return {};
  });
  server.server.setRequestHandler('tasks/update', { params: ID }, ({ taskId }, ctx) => {
    known(ctx, store, taskId);
    store.answer(taskId, ctx.mcpReq.inputResponses ?? {});
    return {};
  });
}

/** The SDK makes a result of whatever a tool throws, so what has to be an error is thrown before it. */
function requireTasks({ server }: McpServer): void {
  const handlers = server['_requestHandlers'] as Map<string, ToolsCall>;
  const answer = handlers.get('tools/call');
  if (answer === undefined) throw new Error('no tools are registered');
  handlers.set('tools/call', async (request, ctx) => {
    if (request.params.name === TASK_ONLY && !knowsTasks(ctx)) throw missingTasks();
    return answer(request, ctx);
  });
}

type ToolsCall = (request: CallToolRequest, ctx: ServerContext) => Promise<CallToolResult>;

/** Runs the work as a task, or to its end for a client that knows no tasks. */
async function run(
  ctx: ServerContext,
  store: TaskStore,
  work: (context: TaskContext) => Promise<CallToolResult>,
): Promise<CallToolResult> {
  if (knowsTasks(ctx)) {
    return { ...store.start(work), resultType: 'task' } as unknown as CallToolResult;
  }
  const ask = (): never => {
    throw new Error('only a task can ask');
  };
  return work({ signal: ctx.mcpReq.signal, ask });
}

function known(ctx: ServerContext, store: TaskStore, taskId: string): TaskView {
  if (!knowsTasks(ctx)) throw missingTasks();
  const view = store.get(taskId);
  if (view === undefined) throw new ProtocolError(-32602, 'Unknown task');
  return view;
}

function missingTasks(): ProtocolError {
  const requiredCapabilities = { extensions: { [TASKS]: {} } };
  return new MissingRequiredClientCapabilityError({ requiredCapabilities });
}

function knowsTasks({ mcpReq }: ServerContext): boolean {
  const declared = mcpReq.envelope?.[CLIENT_CAPABILITIES_META_KEY as never] as
    { extensions?: Record<string, unknown> } | undefined;
  return declared?.extensions?.[TASKS] !== undefined;
}
