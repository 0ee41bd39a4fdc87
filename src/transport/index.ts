export {
  CallCancelled,
  ReaderTooSlow,
  RequestIdInUse,
  ResponseUnexpected,
  SessionNotFound,
  SessionRequired,
  UpstreamCertificateInvalid,
  UpstreamCredentialsRefused,
  UpstreamCredentialUnavailable,
  UpstreamLinkRefused,
  UpstreamMessageTooLarge,
  UpstreamOverloaded,
  UpstreamProtocolError,
  UpstreamTimeout,
  UpstreamUnavailable,
} from './errors.ts';
export type { FetchedDocument } from './fetch/answer.ts';
export { createDocumentFetcher } from './fetch/documents.ts';
export type { DocumentFetcherOptions, DocumentRequest, FetchDocument } from './fetch/documents.ts';
export { Credentials } from './credentials/credentials.ts';
export { leafOfPkcs12 } from './http/client-credential.ts';
export type { HttpUpstreamTls } from './http/connect.ts';
export { HttpServer } from './http/server/http-server.ts';
export type { ClientSocket, ExchangeHost } from './http/server/http-exchange.ts';
export { HttpExchange } from './http/server/http-exchange.ts';
export { RequestCutOff } from './http/server/request-body.ts';
export type { ResponseHeaders } from './http/server/response-head.ts';
export type { RequestFault } from './http/server/server-connection.ts';
export { inspectServer } from './http/inspect.ts';
export type { ServerShowing } from './http/inspect.ts';
export type { HttpUpstreamOptions } from './http/courier.ts';
export type { Authorization } from './oauth/authorization.ts';
export { CallerTokens } from './oauth/caller-tokens.ts';
export { CallersOnly } from './oauth/callers-only.ts';
export type { ClientProof } from './oauth/client-proof.ts';
export { GatewayTokens } from './oauth/gateway-tokens.ts';
export { TokenEndpoint } from './oauth/token-endpoint.ts';
export { createHttpUpstream } from './http/upstream.ts';
export type { HttpUpstream } from './http/upstream.ts';
export { readMessage } from './message.ts';
export { formatEvent, SSE_HEARTBEAT } from './sse.ts';
export { readEvent } from './sse-event.ts';
export { createSseUpstream } from './sse/upstream.ts';
export { Guardian } from './stdio/guardian.ts';
export type { Confinement } from './stdio/confinement.ts';
export { asOneLine } from './duplex/one-line.ts';
export { LineFramer } from './stdio/lines.ts';
export type { StdioOptions } from './stdio/program.ts';
export { createStdioUpstream } from './stdio/upstream.ts';
export { SubjectToken } from './subject-token.ts';
export type {
  ClientConnection,
  EmptyReply,
  EventsReply,
  JsonReply,
  StreamEvent,
  Upstream,
  UpstreamHealth,
  UpstreamReply,
  UpstreamRequest,
  UpstreamStats,
} from './upstream.ts';
