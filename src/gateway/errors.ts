import { defineError } from '#lib';

export const RequestRefused = defineError('POSTERN_REQUEST_REFUSED', {
  meaning: 'An HTTP request is not one that an MCP endpoint accepts.',
  hint: 'Use POST, GET or DELETE on /mcp, /servers/<name>/mcp or /sets/<name>/mcp with the headers of Streamable HTTP.',
  httpStatus: 400,
  rpcCode: -32600,
});

export const RequestTooSlow = defineError('POSTERN_REQUEST_TOO_SLOW', {
  meaning: 'The headers or the body of an HTTP request did not come within the limit.',
  hint: 'Send it faster, or raise limits.headers_timeout_ms or limits.request_timeout_ms.',
  httpStatus: 408,
  rpcCode: -32600,
});

export const HeadersTooLarge = defineError('POSTERN_HEADERS_TOO_LARGE', {
  meaning: 'The headers of an HTTP request are larger or more than the limit.',
  hint: 'Send fewer or shorter headers, or raise limits.max_header_bytes.',
  httpStatus: 431,
  rpcCode: -32600,
});

export const PathUnknown = defineError('POSTERN_PATH_UNKNOWN', {
  meaning: 'The HTTP path is not an MCP endpoint of this gateway.',
  hint: 'Use /mcp, /servers/<name>/mcp with a name that `postern check` lists, or /sets/<name>/mcp with a set of the configuration.',
  httpStatus: 404,
  rpcCode: -32600,
});

export const MethodNotAllowed = defineError('POSTERN_METHOD_NOT_ALLOWED', {
  meaning: 'The HTTP method is not one that the endpoint has in this protocol revision.',
  hint: 'Use POST; sessions of revisions up to 2025-11-25 also have GET and DELETE.',
  httpStatus: 405,
  rpcCode: -32600,
});

export const OriginRefused = defineError('POSTERN_ORIGIN_REFUSED', {
  meaning: 'The Host or Origin header names a site that this listener does not serve.',
  hint: 'Add the name to server_names, or the web page’s origin to allowed_origins.',
  httpStatus: 403,
  rpcCode: -32600,
});

export const MediaTypeRefused = defineError('POSTERN_MEDIA_TYPE_REFUSED', {
  meaning: 'Content-Type or an encoding of the body does not fit MCP.',
  hint: 'Send Content-Type: application/json, uncompressed.',
  httpStatus: 415,
  rpcCode: -32600,
});

export const AnswerNotAcceptable = defineError('POSTERN_ANSWER_NOT_ACCEPTABLE', {
  meaning: 'The Accept header leaves out a form in which MCP servers answer.',
  hint: 'Send Accept: application/json, text/event-stream.',
  httpStatus: 406,
  rpcCode: -32600,
});

export const ListenFailed = defineError('POSTERN_LISTEN_FAILED', {
  meaning: 'A listener could not be opened.',
  hint: 'Choose another address in postern.yaml, or stop the program that uses it.',
});

export const Overloaded = defineError('POSTERN_OVERLOADED', {
  meaning: 'The gateway has no room for this request now.',
  hint: 'Try again later; the limit is in the error’s data.',
  httpStatus: 503,
  rpcCode: -32603,
});

export const Stopping = defineError('POSTERN_STOPPING', {
  meaning:
    'The gateway is shutting down: it takes no new calls, and waits for those in flight no longer.',
  hint: 'Try again when it has restarted.',
  httpStatus: 503,
  rpcCode: -32603,
});

export const SessionExpired = defineError('POSTERN_SESSION_EXPIRED', {
  meaning:
    'A client’s session over HTTP+SSE was not initialized in time, or reached its greatest age.',
  hint: 'Connect again; limits.session_setup_timeout_ms and limits.session_max_age_ms are the times.',
});

export const RolloutRefused = defineError('POSTERN_ROLLOUT_REFUSED', {
  meaning: 'A rollout cannot do this step from where it is.',
  hint: 'Look at `postern rollout status`.',
});

export const RolloutFileInvalid = defineError('POSTERN_ROLLOUT_FILE_INVALID', {
  meaning:
    'The file that remembers rollouts cannot be read or written, or names what is not there.',
  hint: 'Mend it, or remove rollout.json from the state directory: then the configured profiles apply.',
});

export const EnrolmentRefused = defineError('POSTERN_ENROLMENT_REFUSED', {
  meaning: 'A client asked for its next certificate without proving that it has one.',
  hint: 'Connect with the certificate that is to be renewed, to a listener that asks for certificates.',
  httpStatus: 403,
});

export const EventsGone = defineError('POSTERN_EVENTS_GONE', {
  meaning: 'The client asks for what came after an event, and that is no longer kept here.',
  hint: 'Start a new session with `initialize`; come back sooner, or raise limits.resume_window_ms and the limits of stored events.',
  httpStatus: 404,
  rpcCode: -32001,
});

export const WorkerLost = defineError('POSTERN_WORKER_LOST', {
  meaning: 'The worker that was to answer ended before it did; another one is there by now.',
  hint: 'Ask again. If workers keep ending, the log says why (worker.ended).',
  httpStatus: 503,
  rpcCode: -32603,
});

export const AnswerLost = defineError('POSTERN_ANSWER_LOST', {
  meaning: 'The worker that was to answer ended amid the call, which may have been carried out.',
  hint: 'Look whether it was before you ask again. Such a call may be missing in the record; the log says why the worker ended (worker.ended).',
  httpStatus: 502,
  rpcCode: -32603,
});

export const WorkerFailed = defineError('POSTERN_WORKER_FAILED', {
  meaning: 'A worker could not begin to serve.',
  hint: 'Mend what the message names, or run the gateway with `workers: 1`.',
  httpStatus: 500,
  rpcCode: -32603,
});
