/** The official clients of both SDK generations behind one face, so that one script drives either. */
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type {
  ClientOptions,
  ListChangedHandlers,
  SubscriptionFilter,
} from '@modelcontextprotocol/client';
import { Client as Client2 } from '@modelcontextprotocol/client';
import { until } from './until.ts';

/** A message that a server sent of its own accord. */
export interface Heard {
  readonly method: string;
  readonly params: unknown;
}

/** Options of one request. */
export interface AskOptions {
  readonly signal?: AbortSignal;
  readonly onprogress?: () => void;
}

/** One step of progress. */
interface Progress {
  readonly progress: number;
  readonly total: number | undefined;
}

type Json = Record<string, unknown>;

/** What both clients offer under the same names. */
interface CommonClient {
  getServerCapabilities(): unknown;
  getServerVersion(): unknown;
  getInstructions(): string | undefined;
  listTools(): Promise<{ tools: readonly { name: string }[] }>;
  listPrompts(): Promise<unknown>;
  listResources(): Promise<{ resources: readonly { uri: string }[] }>;
  listResourceTemplates(): Promise<unknown>;
  getPrompt(params: { name: string; arguments?: Record<string, string> }): Promise<unknown>;
  readResource(params: { uri: string }): Promise<unknown>;
  subscribeResource(params: { uri: string }): Promise<unknown>;
  unsubscribeResource(params: { uri: string }): Promise<unknown>;
  complete(params: never): Promise<unknown>;
  setLoggingLevel(level: 'debug' | 'error'): Promise<unknown>;
  ping(): Promise<unknown>;
  sendRootsListChanged(): Promise<void>;
  close(): Promise<void>;
}

/** A connected official client. */
export interface Peer extends CommonClient {
  /** Everything that the server notified but progress, in order of arrival. */
  readonly heard: Heard[];
  /** Progress as it came over the wire: the clients lose what comes together with the answer. */
  readonly progress: readonly Progress[];
  /** Every request of the server, which {@link ANSWERS} answered. */
  readonly asked: Heard[];
  /** Negotiated protocol revision. */
  revision(): string | undefined;
  call(name: string, args?: Json, options?: AskOptions): Promise<unknown>;
  /** Waits until as many notifications of this method have come. */
  hears(method: string, count?: number): Promise<void>;
  listen(filter: SubscriptionFilter): ReturnType<Client2['listen']>;
}

/** A transport of either SDK. */
interface AnyTransport {
  setProtocolVersion?(version: string): void;
  onmessage?(message: Heard, ...extra: unknown[]): void;
  send(message: Heard, ...options: unknown[]): Promise<void>;
  /** The stream of the session is open; before, what the server says of its own accord is lost. */
  readonly listening?: Promise<void>;
}

/** How a client introduces itself. */
const CAPABILITIES = {
  sampling: {},
  elicitation: { form: {}, url: {} },
  roots: { listChanged: true },
};

const INFO = { name: 'postern-e2e', version: '1.0.0' };

/** What the clients answer to a server's own requests. */
export const ANSWERS = {
  sampling: {
    model: 'test-model',
    role: 'assistant',
    content: { type: 'text', text: 'a sampled sentence' },
  },
  roots: { roots: [{ uri: 'file:///srv/data', name: 'data' }] },
  form: { action: 'accept', content: { name: 'Ada Lovelace', check: true, integer: 7 } },
  url: { action: 'accept' },
} as const;

/**
 * The client of `@modelcontextprotocol/sdk` 1.x.
 *
 * @param pin revision to ask for instead of the newest; the client itself cannot be told.
 */
export async function connectV1(transport: object, pin?: string): Promise<Peer> {
  const client = new Client1(INFO, { capabilities: CAPABILITIES });
  const tapped = transport as AnyTransport;
  const log = listener();
  client.setRequestHandler(CreateMessageRequestSchema, ({ method, params }) => {
    log.asked.push({ method, params });
    return ANSWERS.sampling;
  });
  client.setRequestHandler(ListRootsRequestSchema, ({ method, params }) => {
    log.asked.push({ method, params });
    return { roots: [...ANSWERS.roots.roots] };
  });
  client.setRequestHandler(ElicitRequestSchema, ({ method, params }) => {
    log.asked.push({ method, params });
    return params.mode === 'url' ? ANSWERS.url : ANSWERS.form;
  });
  client.fallbackNotificationHandler = async (heard) => log.hear(heard);
  const revision = revisionTold(tapped);
  if (pin !== undefined) askFor(tapped, pin);
  await client.connect(transport as never);
  await tapped.listening;
  return Object.assign(client as unknown as CommonClient, {
    ...log.face,
    progress: progressOf(tapped),
    revision,
    call: (name: string, args: Json = {}, options: AskOptions = {}) =>
      client.callTool({ name, arguments: args }, undefined, options as never),
    listen: () => Promise.reject(new Error('no such request in this SDK')),
  });
}

/** The client of `@modelcontextprotocol/client` 2.x. */
export async function connectV2(
  transport: object,
  options: Pick<ClientOptions, 'versionNegotiation' | 'supportedProtocolVersions'> & {
    listChanged?: ListChangedHandlers;
  } = {},
): Promise<Peer> {
  const client = new Client2(INFO, { capabilities: CAPABILITIES, ...options });
  const tapped = transport as AnyTransport;
  const log = listener();
  client.setRequestHandler('sampling/createMessage', ({ method, params }) => {
    log.asked.push({ method, params });
    return ANSWERS.sampling;
  });
  client.setRequestHandler('roots/list', ({ method, params }) => {
    log.asked.push({ method, params });
    return { roots: [...ANSWERS.roots.roots] };
  });
  client.setRequestHandler('elicitation/create', ({ method, params }) => {
    log.asked.push({ method, params });
    return params.mode === 'url' ? ANSWERS.url : ANSWERS.form;
  });
  client.fallbackNotificationHandler = async (heard) => log.hear(heard);
  await client.connect(transport as never);
  if (client.getProtocolEra() === 'legacy') await tapped.listening;
  return Object.assign(client as unknown as CommonClient, {
    ...log.face,
    progress: progressOf(tapped),
    revision: () => client.getNegotiatedProtocolVersion(),
    call: (name: string, args: Json = {}, ask: AskOptions = {}) =>
      client.callTool({ name, arguments: args }, ask as never),
    listen: client.listen.bind(client),
  });
}

function listener() {
  const heard: Heard[] = [];
  const asked: Heard[] = [];
  const countOf = (method: string): number =>
    heard.filter((message) => message.method === method).length;
  return {
    asked,
    hear: ({ method, params }: { method: string; params?: unknown }) => {
      heard.push({ method, params });
    },
    face: {
      heard,
      asked,
      hears: (method: string, count = 1) =>
        until(`${count} of ${method}`, () => countOf(method) >= count),
    },
  };
}

/** The first SDK tells the negotiated revision to its transport alone. */
function revisionTold(transport: AnyTransport): () => string | undefined {
  let told: string | undefined;
  const original = transport.setProtocolVersion?.bind(transport);
  transport.setProtocolVersion = (version) => {
    told = version;
    original?.(version);
  };
  return () => told;
}

function progressOf(transport: AnyTransport): readonly Progress[] {
  const seen: Progress[] = [];
  const original = transport.onmessage?.bind(transport);
  const onmessage: AnyTransport['onmessage'] = (message, ...extra) => {
    if (message.method === 'notifications/progress') {
      const { progress, total } = message.params as Progress;
      seen.push({ progress, total });
    }
    original?.(message, ...extra);
  };
  Object.assign(transport, { onmessage });
  return seen;
}

function askFor(transport: AnyTransport, protocolVersion: string): void {
  const original = transport.send.bind(transport);
  transport.send = (message, ...options) => {
    if (message.method !== 'initialize') return original(message, ...options);
    const params = { ...(message.params as Json), protocolVersion };
    return original({ ...message, params }, ...options);
  };
}
