export {
  CallCancelled,
  RequestIdInUse,
  SessionNotFound,
  SessionRequired,
  UpstreamLinkRefused,
  UpstreamOverloaded,
  UpstreamProtocolError,
  UpstreamTimeout,
  UpstreamUnavailable,
} from './errors.ts';
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
