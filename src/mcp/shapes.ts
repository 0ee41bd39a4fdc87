import { Shape } from './json/shape.ts';

/** Key of `_meta` that carries the revision of a request (2026-07-28, basic/index). */
export const META_PROTOCOL_VERSION = 'io.modelcontextprotocol/protocolVersion';

/*
 * The keys that decide what a message is and names. No other spelling of them passes, and what stands
 * under them is read without building the message.
 */
const META = new Shape({
  progressToken: 'exact',
  [META_PROTOCOL_VERSION]: 'exact',
  'io.modelcontextprotocol/clientCapabilities': 'any',
  'io.modelcontextprotocol/subscriptionId': 'exact',
});

const PARAMS = new Shape({
  name: 'exact',
  arguments: 'any',
  uri: 'exact',
  ref: new Shape({ type: 'exact', name: 'exact', uri: 'exact' }),
  _meta: META,
  taskId: 'exact',
  requestId: 'exact',
  requestState: 'exact',
  progressToken: 'exact',
  notifications: new Shape({ resourceSubscriptions: 'exact' }),
});

/** Key of `params` for what is about the message itself. */
export const META_KEY = PARAMS.key('_meta');

/** What a successful answer holds. */
export const RESULT_SHAPE = new Shape({
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
});

/** What an answer to a failed request holds (JSON-RPC 2.0, section 5.1). */
export const ERROR_SHAPE = new Shape({ code: 'any', message: 'any', data: 'any' });

/** A JSON-RPC 2.0 message of MCP, of any revision. */
export const MESSAGE = new Shape({
  jsonrpc: 'exact',
  id: 'exact',
  method: 'exact',
  params: PARAMS,
  result: RESULT_SHAPE,
  error: ERROR_SHAPE,
});

/** An item of a list of tools, prompts, resources or resource templates. */
export const LIST_ITEM = new Shape({ name: 'any', uri: 'any', uriTemplate: 'any' });
