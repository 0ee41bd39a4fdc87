/** What there is to do with the reference server, step by step. */
import type { Peer } from './peer.ts';
import type { Scenario } from './scenario.ts';
import { manyAtOnce, sorted } from './scenario.ts';

const DOCUMENT = 'demo://resource/static/document/features.md';
const TEXT = 'demo://resource/dynamic/text/1';

const lists: Scenario = {
  identity: (peer) => ({
    capabilities: peer.getServerCapabilities(),
    server: peer.getServerVersion(),
    instructions: peer.getInstructions(),
  }),
  revision: (peer) => peer.revision(),
  ping: (peer) => peer.ping(),
  tools: (peer) => peer.listTools(),
  resources: (peer) => peer.listResources(),
  templates: (peer) => peer.listResourceTemplates(),
  prompts: (peer) => peer.listPrompts(),
};

const roots: Scenario = {
  // The server asks a moment after the start, and again for each change.
  roots: async (peer) => {
    await peer.hears('notifications/message', 1);
    const listed = await peer.call('get-roots-list');
    await peer.sendRootsListChanged();
    await peer.hears('notifications/message', 2);
    return listed;
  },
};

const tools: Scenario = {
  echo: (peer) => peer.call('echo', { message: 'naïve – 日本語 \u2028 "quoted"' }),
  sum: (peer) => peer.call('get-sum', { a: 2, b: 40.5 }),
  image: (peer) => peer.call('get-tiny-image'),
  annotated: (peer) =>
    peer.call('get-annotated-message', { messageType: 'error', includeImage: true }),
  structured: (peer) => peer.call('get-structured-content', { location: 'Chicago' }),
  links: (peer) => peer.call('get-resource-links', { count: 4 }),
  reference: (peer) => peer.call('get-resource-reference', { resourceType: 'Blob', resourceId: 3 }),
  'many calls at once': (peer) => manyAtOnce(peer, (message) => ({ message })),
  environment: (peer) => peer.call('get-env'),
};

const prompts: Scenario = {
  'prompt without arguments': (peer) => peer.getPrompt({ name: 'simple-prompt' }),
  'prompt with arguments': (peer) =>
    peer.getPrompt({ name: 'args-prompt', arguments: { city: 'Graz', state: 'Styria' } }),
  'prompt with a resource': (peer) =>
    peer.getPrompt({
      name: 'resource-prompt',
      arguments: { resourceType: 'Text', resourceId: '2' },
    }),
  'completion for a prompt': (peer) =>
    peer.complete({
      ref: { type: 'ref/prompt', name: 'completable-prompt' },
      argument: { name: 'name', value: 'A' },
      context: { arguments: { department: 'Engineering' } },
    } as never),
  'completion for a template': (peer) =>
    peer.complete({
      ref: { type: 'ref/resource', uri: 'demo://resource/dynamic/text/{resourceId}' },
      argument: { name: 'resourceId', value: '12' },
    } as never),
};

const resources: Scenario = {
  'read a document': (peer) => peer.readResource({ uri: DOCUMENT }),
  'read from a template': (peer) => peer.readResource({ uri: TEXT }),
  'read a blob': (peer) => peer.readResource({ uri: 'demo://resource/dynamic/blob/2' }),
  'a new resource changes the list': async (peer) => {
    const before = count(peer, 'notifications/resources/list_changed');
    const link = await peer.call('gzip-file-as-resource', {
      name: 'hello.gz',
      data: 'data:text/plain,hello',
    });
    await peer.hears('notifications/resources/list_changed', before + 1);
    const { resources: listed } = await peer.listResources();
    const read = await peer.readResource({ uri: 'demo://resource/session/hello.gz' });
    return { link, read, uris: listed.map(({ uri }) => uri) };
  },
  subscribe: async (peer) => {
    const logged = count(peer, 'notifications/message');
    const subscribed = await peer.subscribeResource({ uri: TEXT });
    await peer.hears('notifications/message', logged + 1);
    const started = await peer.call('toggle-subscriber-updates');
    await peer.hears('notifications/resources/updated');
    const stopped = await peer.call('toggle-subscriber-updates');
    return { subscribed, started, stopped };
  },
  'a higher log level silences': async (peer) => {
    const level = await peer.setLoggingLevel('error');
    const unsubscribed = await peer.unsubscribeResource({ uri: TEXT });
    return { level, unsubscribed, back: await peer.setLoggingLevel('debug') };
  },
};

const longCalls: Scenario = {
  progress: async (peer) => {
    const result = await peer.call(
      'trigger-long-running-operation',
      { duration: 0.2, steps: 5 },
      { onprogress: () => {} },
    );
    return { result, seen: [...peer.progress] };
  },
  cancellation: async (peer) => {
    const controller = new AbortController();
    await peer.call(
      'trigger-long-running-operation',
      { duration: 1, steps: 50 },
      { signal: controller.signal, onprogress: () => controller.abort('enough') },
    );
  },
  'alive after a cancellation': (peer) => peer.call('echo', { message: 'still here' }),
};

const questions: Scenario = {
  sampling: (peer) => peer.call('trigger-sampling-request', { prompt: 'a poem', maxTokens: 40 }),
  elicitation: (peer) => peer.call('trigger-elicitation-request'),
  'elicitation by URL': (peer) =>
    peer.call('trigger-url-elicitation', {
      url: 'https://example.com/consent',
      message: 'consent',
      elicitationId: 'e1',
    }),
  'elicitation by error': (peer) =>
    peer.call('trigger-url-elicitation', {
      url: 'https://example.com/consent',
      message: 'consent',
      elicitationId: 'e2',
      errorPath: true,
    }),
};

const mistakes: Scenario = {
  'unknown tool': (peer) => peer.call('no-such-tool'),
  'bad arguments': (peer) => peer.call('get-sum', { a: 'one' }),
  'unknown prompt': (peer) => peer.getPrompt({ name: 'no-such-prompt' }),
  'missing prompt argument': (peer) => peer.getPrompt({ name: 'args-prompt', arguments: {} }),
  'unknown resource': (peer) => peer.readResource({ uri: 'demo://nothing' }),
  'bad completion': (peer) =>
    peer.complete({
      ref: { type: 'ref/prompt', name: 'no-such-prompt' },
      argument: { name: 'x', value: '' },
    } as never),
};

const afterwards: Scenario = {
  'what the server asked': (peer) => sorted(peer.asked),
  'what the server notified': (peer) => sorted(peer.heard),
};

/** Steps that end in an error, directly as well. */
export const EVERYTHING_FAILURES = [
  'cancellation',
  'elicitation by error',
  'unknown prompt',
  'missing prompt argument',
  'unknown resource',
  'bad completion',
];

/** All of it. */
export const EVERYTHING_SCENARIO: Scenario = {
  ...lists,
  ...roots,
  ...tools,
  ...prompts,
  ...resources,
  ...longCalls,
  ...questions,
  ...mistakes,
  ...afterwards,
};

function count(peer: Peer, method: string): number {
  return peer.heard.filter((message) => message.method === method).length;
}
