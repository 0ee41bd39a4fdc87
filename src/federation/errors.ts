import { defineError } from '#lib';

export const ToolSetUnknown = defineError('POSTERN_TOOL_SET_UNKNOWN', {
  meaning: 'The path names no tool set of this gateway.',
  hint: 'Use /sets/<name>/mcp with a name under federation.sets in postern.yaml, or /mcp.',
  httpStatus: 404,
  rpcCode: -32602,
});

export const NameUnknown = defineError('POSTERN_NAME_UNKNOWN', {
  meaning: 'The endpoint for many servers has no such tool, prompt or resource for this caller.',
  hint: 'Use names and URIs as the endpoint’s own lists have them.',
  httpStatus: 200,
  rpcCode: -32602,
});

export const NotFederated = defineError('POSTERN_NOT_FEDERATED', {
  meaning:
    'The endpoint for many servers does not have this method: it could not tell whose it is.',
  hint: 'Use it at the server’s own endpoint, /servers/<name>/mcp.',
  httpStatus: 200,
  rpcCode: -32601,
});

export const MemberUnavailable = defineError('POSTERN_MEMBER_UNAVAILABLE', {
  meaning: 'A server behind the endpoint for many servers could not be opened for this call.',
  hint: 'Run `postern doctor`; the record tells how the server answered.',
  httpStatus: 200,
  rpcCode: -32603,
});
