/** What there is to do with the stateless fixture server, step by step. */
import { randomUUID } from 'node:crypto';
import type { Peer } from './peer.ts';
import type { Scenario } from './scenario.ts';
import { manyAtOnce, sorted } from './scenario.ts';
import { until } from './until.ts';

const CHANGED = 'notifications/tools/list_changed';
const UPDATED = 'notifications/resources/updated';

const basics: Scenario = {
  identity: (peer) => ({
    capabilities: peer.getServerCapabilities(),
    server: peer.getServerVersion(),
    instructions: peer.getInstructions(),
  }),
  revision: (peer) => peer.revision(),
  tools: (peer) => peer.listTools(),
  resources: (peer) => peer.listResources(),
  templates: (peer) => peer.listResourceTemplates(),
  prompts: (peer) => peer.listPrompts(),
  echo: (peer) => peer.call('echo', { text: 'naïve 日本' }),
  'a large result': (peer) => peer.call('big', { bytes: 700_000 }),
  resource: (peer) => peer.readResource({ uri: 'note://one' }),
  prompt: (peer) => peer.getPrompt({ name: 'greet', arguments: { name: 'Ada' } }),
  'an argument in a header': (peer) => peer.call('route', { region: 'Süd-Ost, 2' }),
  'a prompt whose name is not ASCII': (peer) => peer.getPrompt({ name: 'grüße' }),
  'a resource whose URI is not ASCII': (peer) => peer.readResource({ uri: 'note://straße/ä' }),
  'a tool that fails': (peer) => peer.call('fail'),
  'unknown tool': (peer) => peer.call('no-such-tool'),
  'unknown resource': (peer) => peer.readResource({ uri: 'note://two' }),
  'unknown prompt': (peer) => peer.getPrompt({ name: 'no-such-prompt' }),
  'bad arguments': (peer) => peer.call('echo', { text: 7 }),
};

const rounds: Scenario = {
  'input is required, twice': (peer) => peer.call('deploy'),
  'what the server asked': (peer) => sorted(peer.asked),
};

const long = {
  'many calls at once': (peer) => manyAtOnce(peer, (text) => ({ text })),
  progress: async (peer) => {
    const result = await peer.call('count', { to: 40 }, { onprogress: () => {} });
    return { result, seen: [...peer.progress] };
  },
  cancellation: async (peer) => {
    const controller = new AbortController();
    await peer.call(
      'wait',
      { key: keyOf(peer) },
      { signal: controller.signal, onprogress: () => controller.abort('enough') },
    );
  },
  'the server stopped working': async (peer) => {
    await until('the server has stopped', async () =>
      (await journalOf(peer)).includes('cancelled'),
    );
    return journalOf(peer);
  },
} satisfies Scenario;

const subscriptions: Scenario = {
  'two subscriptions, each with its own': async (peer) => {
    const tools = await peer.listen({ toolsListChanged: true });
    const notes = await peer.listen({ resourceSubscriptions: ['note://one'] });
    await peer.call('announce', { uri: 'note://one' });
    await peer.hears(CHANGED);
    await peer.hears(UPDATED);
    await peer.call('announce', { uri: 'note://other' });
    await peer.hears(CHANGED, 2);
    await tools.close();
    await peer.call('announce', { uri: 'note://one' });
    await peer.hears(UPDATED, 2);
    await notes.close();
    return {
      honored: [tools.honoredFilter, notes.honoredFilter],
      closed: [await tools.closed, await notes.closed],
      heard: sorted(peer.heard),
    };
  },
};

/** Steps that end in an error, directly as well. */
export const STATELESS_FAILURES = [
  'unknown resource',
  'unknown prompt',
  'cancellation',
  'unknown tool',
];

/** What also works in the stateful revisions, when a server of both eras has no sessions. */
export const LEGACY_SCENARIO: Scenario = { ...basics, progress: long.progress };

/** All of it. */
export const STATELESS_SCENARIO: Scenario = { ...basics, ...rounds, ...long, ...subscriptions };

async function journalOf(peer: Peer): Promise<string> {
  return JSON.stringify(await peer.call('journal', { key: keyOf(peer) }));
}

const keys = new WeakMap<Peer, string>();

/** Marks this client's lines of the journal that all clients of the server share. */
function keyOf(peer: Peer): string {
  const key = keys.get(peer) ?? randomUUID();
  keys.set(peer, key);
  return key;
}
