import type { PosternError } from '#lib';
import { defineError } from '#lib';
import { RPC } from '#mcp';
import { ScopeInsufficient } from '#oauth';

// Denials of one tool, resource or prompt answer 200 with a JSON-RPC error, so that clients show the
// reason; a caller that may not reach the server at all gets 403.

export const AccessDenied = defineError('POSTERN_ACCESS_DENIED', {
  meaning: 'Policy does not allow this caller to use this tool, resource, prompt or method.',
  hint: 'Ask for a rule in policy.yaml; the call’s entry in the record names the deciding rules.',
  httpStatus: 200,
  rpcCode: -32003,
});

export const MethodUnknown = defineError('POSTERN_METHOD_UNKNOWN', {
  meaning:
    'The revision of MCP does not have the method, and no rule of the policy names one of its own.',
  hint: 'Use a method of the revision, or ask for a rule in policy.yaml that names yours. Sessions begin with initialize, without the header of a stateless revision.',
  httpStatus: 200,
  rpcCode: RPC.methodNotFound,
});

export const ServerDenied = defineError('POSTERN_SERVER_DENIED', {
  meaning: 'Policy does not allow this caller, or this link, to reach this server at all.',
  hint: 'Show a client certificate that a rule in policy.yaml names, over a link that it admits.',
  httpStatus: 403,
  rpcCode: -32003,
});

export const EndpointDenied = defineError('POSTERN_ENDPOINT_DENIED', {
  meaning: 'No server behind the endpoint for many servers is open to this caller.',
  hint: 'Name the caller in a rule of policy.yaml that allows a server, or connect over a link that such a rule admits.',
  httpStatus: 403,
  rpcCode: -32003,
});

export const ServerUnknown = defineError('POSTERN_SERVER_UNKNOWN', {
  meaning: 'The path names no server of this gateway.',
  hint: 'Use /servers/<name>/mcp with a name that `postern check` lists.',
  httpStatus: 404,
  rpcCode: -32602,
});

export const AnswerUnknown = defineError('POSTERN_ANSWER_UNKNOWN', {
  meaning:
    'A server sends an answer again, to a request that this process has not seen, so policy cannot tell.',
  hint: 'Send the request again.',
  httpStatus: 200,
  rpcCode: -32001,
});

export const CertificateExpired = defineError('POSTERN_CERTIFICATE_EXPIRED', {
  meaning: 'The client’s certificate expired while its connection stayed open.',
  hint: 'Connect again with a new certificate: postern cert issue <name>.',
  httpStatus: 403,
  rpcCode: -32003,
});

/** Whether a failure is that policy does not allow something. */
export function isDenial({ code }: PosternError): boolean {
  return DENIALS.has(code);
}

const DENIALS: ReadonlySet<string> = new Set([
  AccessDenied.code,
  MethodUnknown.code,
  ServerDenied.code,
  EndpointDenied.code,
  ScopeInsufficient.code,
]);
