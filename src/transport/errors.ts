import { defineError } from '#lib';

// Failures of the call itself answer 200 with a JSON-RPC error, as an MCP server's own errors do, so
// that clients show them as such; failures of the HTTP exchange answer with a status of their own.

export const UpstreamUnavailable = defineError('POSTERN_UPSTREAM_UNAVAILABLE', {
  meaning: 'The MCP server could not be started or reached, or went away during the call.',
  hint: 'Run `postern doctor` and look at the server’s own output in the log.',
  httpStatus: 200,
  rpcCode: -32603,
});

export const UpstreamTimeout = defineError('POSTERN_UPSTREAM_TIMEOUT', {
  meaning: 'The MCP server said nothing about the call within the limit.',
  hint: 'Have the server send progress, or raise limits.upstream_idle_timeout_ms.',
  httpStatus: 200,
  rpcCode: -32603,
});

export const UpstreamProtocolError = defineError('POSTERN_UPSTREAM_PROTOCOL', {
  meaning: 'The MCP server answered with something that is not MCP.',
  hint: 'Look at the server: over stdio it must write nothing but JSON-RPC lines to its stdout.',
  httpStatus: 200,
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
  hint: 'Run `postern check --connect` to see what the server offers; upgrade it or choose another profile.',
  httpStatus: 200,
  rpcCode: -32603,
});

export const UpstreamAddressRefused = defineError('POSTERN_UPSTREAM_ADDRESS_REFUSED', {
  meaning: 'The server’s name leads to addresses where no server is meant to be.',
  hint: 'Look at what the name resolves to; `addresses` of the upstream says which are allowed.',
  httpStatus: 200,
  rpcCode: -32603,
});

export const UpstreamCertificateInvalid = defineError('POSTERN_UPSTREAM_CERTIFICATE', {
  meaning: 'The MCP server’s TLS certificate does not prove that it is the configured server.',
  hint: 'Renew the server’s certificate, or give its authority and name in the upstream’s `tls:` settings.',
  httpStatus: 200,
  rpcCode: -32603,
});

export const UpstreamCredentialsRefused = defineError('POSTERN_UPSTREAM_CREDENTIALS_REFUSED', {
  meaning: 'The MCP server refuses the credentials that the gateway itself presents to it.',
  hint: 'Check the headers and the client certificate configured for this upstream.',
  httpStatus: 200,
  rpcCode: -32603,
});

export const UpstreamCredentialUnavailable = defineError(
  'POSTERN_UPSTREAM_CREDENTIAL_UNAVAILABLE',
  {
    meaning: 'A credential that the gateway presents to the MCP server could not be read so far.',
    hint: 'Look at the alerts `credential.unusable` in the log: they tell where it was looked for, and why in vain.',
    httpStatus: 200,
    rpcCode: -32603,
  },
);

export const UpstreamMessageTooLarge = defineError('POSTERN_UPSTREAM_MESSAGE_TOO_LARGE', {
  meaning: 'The MCP server sent a message larger than the limit.',
  hint: 'Have the server answer in parts, or raise limits.max_message_bytes.',
  httpStatus: 200,
  rpcCode: -32603,
});

export const UpstreamTokenUnavailable = defineError('POSTERN_UPSTREAM_TOKEN_UNAVAILABLE', {
  meaning:
    'The authorization server was not to be reached for an access token, or answered with none.',
  hint: 'Look at `authorization` of the upstream; `postern check --connect` tries it.',
  httpStatus: 200,
  rpcCode: -32603,
});

export const UpstreamTokenRefused = defineError('POSTERN_UPSTREAM_TOKEN_REFUSED', {
  meaning: 'The authorization server gives the gateway no access token for the MCP server.',
  hint: 'Look at the client’s registration there, and at `authorization` of the upstream, for the reason in the message (RFC 6749, section 5.2).',
  httpStatus: 200,
  rpcCode: -32603,
});

export const CallerTokenRequired = defineError('POSTERN_CALLER_TOKEN_REQUIRED', {
  meaning:
    'The MCP server is called in the name of callers, and the caller came without a token to exchange.',
  hint: 'Call with an access token of an issuer that `exchange_from` of the upstream names.',
  httpStatus: 403,
  rpcCode: -32003,
});

export const DocumentUnavailable = defineError('POSTERN_DOCUMENT_UNAVAILABLE', {
  meaning:
    'A document that the gateway needs, such as an issuer’s keys or a token, cannot be fetched.',
  hint: 'Look whether the host in the message is up, and whether this machine reaches it.',
});

export const DocumentTimeout = defineError('POSTERN_DOCUMENT_TIMEOUT', {
  meaning: 'A document that the gateway needs did not come in time.',
  hint: 'Look at the host in the message, or raise limits.document_timeout_ms.',
});

export const DocumentTooLarge = defineError('POSTERN_DOCUMENT_TOO_LARGE', {
  meaning: 'A document that the gateway needs is larger than the limit.',
  hint: 'Look whether the URL is the right one, or raise limits.max_document_bytes.',
});

export const DocumentInvalid = defineError('POSTERN_DOCUMENT_INVALID', {
  meaning: 'What was fetched is not the JSON document that the gateway needs.',
  hint: 'Look whether the URL is the right one.',
});

export const DocumentRedirectRefused = defineError('POSTERN_DOCUMENT_REDIRECT_REFUSED', {
  meaning: 'A document is said to be elsewhere, where the gateway does not go to fetch it.',
  hint: 'Configure the URL at which the document itself is.',
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

export const ResponseUnexpected = defineError('POSTERN_RESPONSE_UNEXPECTED', {
  meaning: 'The client answered a request that the MCP server did not send, or answered it twice.',
  hint: 'Answer each request of the server once, with its own id and in its own session.',
  httpStatus: 400,
  rpcCode: -32600,
});

export const ReaderTooSlow = defineError('POSTERN_READER_TOO_SLOW', {
  meaning: 'The client took nothing from its event stream while messages waited for it.',
  hint: 'Have the client read its streams, or raise limits.slow_reader_timeout_ms.',
  httpStatus: 200,
  rpcCode: -32603,
});
