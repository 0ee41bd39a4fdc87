import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks';
import {
  CallToolResultSchema,
  CreateMessageRequestSchema,
  ElicitRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { pqFetch } from '../support/clients.ts';
import { ANSWERS } from '../support/peer.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { normalise, outcomeOf } from '../support/scenario.ts';
import { EVERYTHING, http, stdio } from '../support/transports.ts';

// Tasks as 2025-11-25 has them: both sides may answer a request later, and be asked how it goes.

const TASKS = {
  list: {},
  cancel: {},
  requests: { sampling: { createMessage: {} }, elicitation: { create: {} } },
};

let postern: TestPostern;
let link: ReturnType<typeof pqFetch>;

before(async () => {
  postern = await startTestPostern({ servers: { everything: { stdio: EVERYTHING } } });
  link = pqFetch(postern);
});
after(async () => {
  await link.close();
  await postern.stop();
});

interface TaskClient {
  readonly client: Client;
  readonly asked: string[];
  close(): Promise<void>;
}

async function connect(transport: object): Promise<TaskClient> {
  const taskStore = new InMemoryTaskStore();
  const client = new Client(
    { name: 'postern-e2e', version: '1' },
    { capabilities: { sampling: {}, elicitation: {}, tasks: TASKS }, taskStore },
  );
  const asked: string[] = [];
  client.setRequestHandler(CreateMessageRequestSchema, async ({ method, params }, extra) => {
    asked.push(method);
    const store = extra.taskStore;
    if (params.task === undefined || store === undefined) return ANSWERS.sampling;
    const task = await store.createTask({ ttl: 60_000, pollInterval: 100 });
    await store.storeTaskResult(task.taskId, 'completed', ANSWERS.sampling);
    return { task };
  });
  client.setRequestHandler(ElicitRequestSchema, ({ method }) => {
    asked.push(method);
    return { action: 'accept', content: { interpretation: 'snake' } };
  });
  await client.connect(transport as never);
  return {
    client,
    asked,
    close: async () => {
      taskStore.cleanup();
      await client.close();
    },
  };
}

async function* researchOn({ client }: TaskClient) {
  const name = 'simulate-research-query';
  yield* client.experimental.tasks.callToolStream(
    { name, arguments: { topic: 'python', ambiguous: true } },
    CallToolResultSchema,
    { task: { ttl: 60_000 } },
  );
}

/** A task of the server that asks the client amid its work. */
async function research(peer: TaskClient): Promise<unknown> {
  for await (const message of researchOn(peer)) {
    if (message.type === 'result') return normalise(message.result);
    assert.notEqual(message.type, 'error', JSON.stringify(message));
  }
  assert.fail('the task has no result');
}

/** A task that is cancelled before it is done. */
async function cancelled(peer: TaskClient): Promise<unknown> {
  const { tasks } = peer.client.experimental;
  for await (const message of researchOn(peer)) {
    if (message.type !== 'taskCreated') continue;
    const { taskId } = message.task;
    const listed = (await tasks.listTasks()).tasks.some((task) => task.taskId === taskId);
    const { status } = await tasks.cancelTask(taskId);
    const later = (await tasks.getTask(taskId)).status;
    const again = await outcomeOf(() => tasks.cancelTask(taskId));
    return { listed, status, later, again };
  }
  assert.fail('no task was made');
}

/** A task of the client, which the server asks about until it is done. */
async function clientTask({ client }: TaskClient): Promise<unknown> {
  const result = await client.callTool({
    name: 'trigger-sampling-request-async',
    arguments: { prompt: 'a poem', maxTokens: 9 },
  });
  return normalise(result);
}

test('R-23 tasks of both sides: the same through the gateway', async () => {
  const [direct, through] = await Promise.all(
    [stdio(1, EVERYTHING), http(1, postern.url('everything'), link.fetch)].map(
      async (transport) => {
        const peer = await connect(transport);
        const results = await Promise.all([research(peer), cancelled(peer), clientTask(peer)]);
        await peer.close();
        return { results, asked: peer.asked.toSorted() };
      },
    ),
  );
  assert.ok(direct && through);
  assert.match(JSON.stringify(direct.results[0]), /python \(snake\)/);
  assert.match(JSON.stringify(direct.results[2]), /a sampled sentence/);
  assert.deepEqual(through, direct);
});
