import { defineError } from '#lib';

export const BridgeInputRefused = defineError('POSTERN_BRIDGE_INPUT_REFUSED', {
  meaning: 'The MCP server asks for something that the client has not said it can give.',
  hint: 'Use a client that offers sampling, elicitation or roots, whichever the message names.',
  httpStatus: 200,
  rpcCode: -32603,
});

export const BridgeInputMissing = defineError('POSTERN_BRIDGE_INPUT_MISSING', {
  meaning:
    'The MCP server asked the client, who did not answer in time, refused, or was asked too often.',
  hint: 'Answer the server’s requests, or raise limits.client_input_timeout_ms or limits.max_input_rounds.',
  httpStatus: 200,
  rpcCode: -32603,
});

export const BridgeNotPossible = defineError('POSTERN_BRIDGE_NOT_POSSIBLE', {
  meaning: 'The request has no counterpart in the protocol revision that the MCP server speaks.',
  hint: 'See docs/bridging.md for what can be bridged; or use a client and a server of one era.',
  httpStatus: 200,
  rpcCode: -32601,
});

export const RequestStateInvalid = defineError('POSTERN_REQUEST_STATE_INVALID', {
  meaning:
    'A requestState was not made for this principal, link and request, was used before, or is too old.',
  hint: 'Send the request again from the start, without requestState and inputResponses.',
  httpStatus: 200,
  rpcCode: -32602,
});

export const InitializeRefused = defineError('POSTERN_BRIDGE_INITIALIZE_REFUSED', {
  meaning: 'The MCP server of a stateful revision refused to open a session for the bridge.',
  hint: 'Look at the server’s own output; if it speaks 2026-07-28, set `era: stateless` or leave `era` at auto.',
  httpStatus: 200,
  rpcCode: -32603,
});
