import { Outline } from './json/outline.ts';

/** Key of `_meta` that carries the revision of a request (2026-07-28, basic/index). */
export const META_PROTOCOL_VERSION = 'io.modelcontextprotocol/protocolVersion';

/*
 * The keys that decide what a message is and names. No other spelling of them passes, and what stands
 * under them is read without building the message.
 */
const META = {
  progressToken: 'exact',
  [META_PROTOCOL_VERSION]: 'exact',
  'io.modelcontextprotocol/clientCapabilities': 'any',
  'io.modelcontextprotocol/subscriptionId': 'exact',
} as const;

const PARAMS = {
  name: 'exact',
  arguments: 'any',
  uri: 'exact',
  ref: { type: 'exact', name: 'exact', uri: 'exact' },
  _meta: META,
  taskId: 'exact',
  requestId: 'exact',
  requestState: 'exact',
  progressToken: 'exact',
  notifications: { resourceSubscriptions: 'exact' },
} as const;

/** What a successful answer holds. */
const RESULT = {
  content: 'any',
  structuredContent: 'any',
  isError: 'any',
  resultType: 'any',
  tools: 'any',
  prompts: 'any',
  resources: 'any',
  resourceTemplates: 'any',
  cacheScope: 'any',
  _meta: 'any',
} as const;

/** A JSON-RPC 2.0 message of MCP, of any revision. */
export const MESSAGE = new Outline({
  jsonrpc: 'exact',
  id: 'exact',
  method: 'exact',
  params: PARAMS,
  result: RESULT,
  // JSON-RPC 2.0, section 5.1
  error: { code: 'any', message: 'any', data: 'any' },
});

/** An item of a list of tools, prompts, resources or resource templates. */
export const LIST_ITEM = new Outline({ name: 'any', uri: 'any', uriTemplate: 'any' });
