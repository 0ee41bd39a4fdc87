/** What there is to do with the stateful fixture server, step by step. */
import type { Peer } from './peer.ts';
import type { Scenario } from './scenario.ts';
import { manyAtOnce, sorted } from './scenario.ts';
import { until } from './until.ts';

const basics: Scenario = {
  identity: (peer) => ({
    capabilities: peer.getServerCapabilities(),
    server: peer.getServerVersion(),
    instructions: peer.getInstructions(),
  }),
  revision: (peer) => peer.revision(),
  ping: (peer) => peer.ping(),
  tools: (peer) => peer.listTools(),
  echo: (peer) => peer.call('echo', { text: 'über \u2029 and out' }),
  'a large result': (peer) => peer.call('big', { bytes: 700_000 }),
  'structured content': (peer) => peer.call('measure'),
  resource: (peer) => peer.readResource({ uri: 'note://one' }),
  prompt: (peer) => peer.getPrompt({ name: 'greet', arguments: { name: 'Ada' } }),
  'a tool that fails': (peer) => peer.call('fail'),
  'unknown tool': (peer) => peer.call('no-such-tool'),
  'unknown resource': (peer) => peer.readResource({ uri: 'note://two' }),
  'bad arguments': (peer) => peer.call('echo', { text: 7 }),
};

const sessionMessages: Scenario = {
  'a new tool changes the list': async (peer) => {
    await peer.call('grow', { name: 'grown' });
    await peer.hears('notifications/tools/list_changed');
    const { tools } = await peer.listTools();
    return { names: tools.map(({ name }) => name), said: await peer.call('grown') };
  },
  'a resource is updated': async (peer) => {
    const touched = await peer.call('touch', { uri: 'note://one' });
    await peer.hears('notifications/resources/updated');
    return touched;
  },
  'ping by the server, outside a call': async (peer) => {
    const answer = await peer.call('ask-later');
    await until('the server heard back', () =>
      peer.heard.some(({ params }) => (params as { data?: unknown })?.data === 'pong'),
    );
    return answer;
  },
};

const cancellation: Scenario = {
  cancellation: async (peer) => {
    const controller = new AbortController();
    await peer.call(
      'wait',
      {},
      { signal: controller.signal, onprogress: () => controller.abort('enough') },
    );
  },
  'the server stopped working': async (peer) => {
    await until('the server has stopped', async () =>
      (await journalOf(peer)).includes('cancelled'),
    );
    return journalOf(peer);
  },
};

const questions: Scenario = {
  elicitation: (peer) => peer.call('ask'),
  sampling: (peer) => peer.call('sample'),
  roots: (peer) => peer.call('roots'),
  'ping by the server': (peer) => peer.call('ping'),
};

const streams: Scenario = {
  'many calls at once': (peer) => manyAtOnce(peer, (text) => ({ text })),
  progress: async (peer) => {
    const before = peer.progress.length;
    const result = await peer.call('count', { to: 40 }, { onprogress: () => {} });
    return { result, seen: peer.progress.slice(before) };
  },
  'a message of the log': (peer) => peer.call('log', { text: 'hello' }),
};

const afterwards: Scenario = {
  'what the server asked': (peer) => sorted(peer.asked),
  'what the server notified': (peer) => sorted(peer.heard),
};

/** Steps that end in an error, directly as well. */
export const STATEFUL_FAILURES = ['unknown resource', 'cancellation'];

/** Over a server that answers with JSON: no messages amid a call. */
export const JSON_SCENARIO: Scenario = { ...basics, ...sessionMessages, ...afterwards };

/** All of it. */
export const STATEFUL_SCENARIO: Scenario = {
  ...basics,
  ...sessionMessages,
  ...streams,
  ...questions,
  ...cancellation,
  ...afterwards,
};

async function journalOf(peer: Peer): Promise<string> {
  return JSON.stringify(await peer.call('journal'));
}
