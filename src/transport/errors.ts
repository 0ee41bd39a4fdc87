import { defineError } from '#lib';

export const UpstreamUnavailable = defineError('POSTERN_UPSTREAM_UNAVAILABLE', {
  meaning: 'The MCP server could not be started or reached, or went away during the call.',
  hint: 'Run `postern doctor` and look at the server’s own output in the log.',
  httpStatus: 502,
  rpcCode: -32603,
});

export const UpstreamTimeout = defineError('POSTERN_UPSTREAM_TIMEOUT', {
  meaning: 'The MCP server said nothing about the call within the limit.',
  hint: 'Have the server send progress, or raise limits.upstream_idle_timeout_ms.',
  httpStatus: 504,
  rpcCode: -32603,
});

export const UpstreamProtocolError = defineError('POSTERN_UPSTREAM_PROTOCOL', {
  meaning: 'The MCP server answered with something that is not MCP.',
  hint: 'Look at the server: over stdio it must write nothing but JSON-RPC lines to its stdout.',
  httpStatus: 502,
  rpcCode: -32603,
});

export const UpstreamOverloaded = defineError('POSTERN_UPSTREAM_OVERLOADED', {
  meaning: 'Too many calls, sessions or connections are already open to this MCP server.',
  hint: 'Try again later, close sessions that are not needed, or raise the limit in the error’s data.',
  httpStatus: 503,
  rpcCode: -32603,
});

export const UpstreamLinkRefused = defineError('POSTERN_UPSTREAM_LINK_REFUSED', {
  meaning: 'The link to the MCP server is weaker than its profile or the policy demands.',
  hint: 'Run `postern doctor` to see what the server offers; upgrade it or choose another profile.',
  httpStatus: 502,
  rpcCode: -32603,
});

export const SessionNotFound = defineError('POSTERN_SESSION_NOT_FOUND', {
  meaning: 'The session does not exist, has ended, or belongs to another principal.',
  hint: 'Start a new session with `initialize`.',
  httpStatus: 404,
  rpcCode: -32001,
});

export const SessionRequired = defineError('POSTERN_SESSION_REQUIRED', {
  meaning: 'The MCP server keeps sessions, and the request names none.',
  hint: 'Start with `initialize` and send the Mcp-Session-Id of its reply.',
  httpStatus: 400,
  rpcCode: -32000,
});

export const RequestIdInUse = defineError('POSTERN_REQUEST_ID_IN_USE', {
  meaning: 'A request with the same JSON-RPC id is still unanswered in this session.',
  hint: 'Use a new id for each request.',
  httpStatus: 400,
  rpcCode: -32600,
});

export const CallCancelled = defineError('POSTERN_CALL_CANCELLED', {
  meaning: 'The client cancelled the call or went away.',
  hint: 'Nothing to do.',
  httpStatus: 499,
  rpcCode: -32603,
});
