import { defineError } from '#lib';

/** JSON-RPC 2.0 and MCP 2026-07-28 error codes that a gateway itself answers with. */
export const RPC = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  /** In the stateful revisions; invalidParams since. */
  resourceNotFound: -32002,
  headerMismatch: -32020,
  unsupportedVersion: -32022,
} as const;

export const FrameInvalidJson = defineError('POSTERN_FRAME_NOT_JSON', {
  meaning: 'A message is not well-formed UTF-8 JSON.',
  hint: 'Send one JSON-RPC 2.0 object, encoded as UTF-8.',
  httpStatus: 400,
  rpcCode: RPC.parseError,
});

export const FrameTooLarge = defineError('POSTERN_FRAME_TOO_LARGE', {
  meaning: 'A message is larger than the limit.',
  hint: 'Send less at once, or raise limits.max_request_bytes (clients) or limits.max_message_bytes (servers).',
  httpStatus: 413,
  rpcCode: RPC.invalidRequest,
});

export const FrameTooDeep = defineError('POSTERN_FRAME_TOO_DEEP', {
  meaning: 'A message nests deeper than the limit.',
  hint: 'Flatten the arguments, or raise limits.max_json_depth.',
  httpStatus: 400,
  rpcCode: RPC.invalidRequest,
});

export const FrameTooManyKeys = defineError('POSTERN_FRAME_TOO_MANY_KEYS', {
  meaning: 'A message has more object keys than the limit.',
  hint: 'Send less at once, or raise limits.max_json_keys.',
  httpStatus: 400,
  rpcCode: RPC.invalidRequest,
});

export const FrameTokenTooLong = defineError('POSTERN_FRAME_TOKEN_TOO_LONG', {
  meaning: 'A key or a number of a message is longer than the limit.',
  hint: 'Shorten it, or raise limits.max_json_key_bytes or limits.max_json_number_bytes.',
  httpStatus: 400,
  rpcCode: RPC.invalidRequest,
});

export const FrameAmbiguous = defineError('POSTERN_FRAME_AMBIGUOUS', {
  meaning:
    'A message can be read in two ways: a key occurs twice or in another spelling, or a name is no text.',
  hint: 'Send each key once, spelled as the specification spells it, and whole characters in names.',
  httpStatus: 400,
  rpcCode: RPC.invalidRequest,
});

export const FrameNotRpc = defineError('POSTERN_FRAME_NOT_JSON_RPC', {
  meaning: 'A message is JSON but not one JSON-RPC 2.0 request, notification or response.',
  hint: 'Send one message a body; only revision 2025-03-26 has batches.',
  httpStatus: 400,
  rpcCode: RPC.invalidRequest,
});

export const HeaderMismatch = defineError('POSTERN_HEADER_MISMATCH', {
  meaning: 'An MCP header is missing, malformed or differs from the message body.',
  hint: 'Send MCP-Protocol-Version, Mcp-Method and Mcp-Name with the values of the body.',
  httpStatus: 400,
  rpcCode: RPC.headerMismatch,
});

export const RevisionUnsupported = defineError('POSTERN_REVISION_UNSUPPORTED', {
  meaning: 'The client names a protocol revision that Postern does not pass on.',
  hint: 'Use one of the revisions in the error’s data.',
  httpStatus: 400,
  rpcCode: RPC.unsupportedVersion,
});

export const RevisionTooOld = defineError('POSTERN_REVISION_TOO_OLD', {
  meaning: 'A session would be in a protocol revision older than the listener takes.',
  hint: 'Update the client, or the server if it chose the revision; or lower min_revision of the listener.',
  httpStatus: 400,
  rpcCode: RPC.invalidParams,
});

export const InvalidParams = defineError('POSTERN_INVALID_PARAMS', {
  meaning: 'A request does not say clearly which tool, resource or prompt it names.',
  hint: 'Send the parameters that the MCP specification requires for this method.',
  httpStatus: 200,
  rpcCode: RPC.invalidParams,
});

export const RequestMetaMissing = defineError('POSTERN_REQUEST_META_MISSING', {
  meaning: 'A request of a stateless revision does not say in its body which revision it is in.',
  hint: 'Send io.modelcontextprotocol/protocolVersion and /clientCapabilities in params._meta.',
  httpStatus: 400,
  rpcCode: RPC.invalidParams,
});
