import type { CallEntry, McpRecord, OutcomeRecord, Recorder, UpstreamRecord } from '#audit';
import { newCallId, sessionTag } from '#audit';
import type { LinkSecurity } from '#crypto';
import { describeLink } from '#crypto';
import type { Meter, PosternError } from '#lib';
import { sha256Label } from '#lib';
import type { Frame, RequestFrame, ResponseFrame, Revision } from '#mcp';
import { accessesOf, resultEntryOf } from '#mcp';
import type { Decision, Policy } from '#policy';
import type { Upstream } from '#transport';
import type { Principal } from '#identity';
import type { Call } from './call.ts';
import { describeToken } from './caller.ts';
import { isDenial } from './errors.ts';

/** Where what is gathered goes. */
interface JournalServices {
  readonly recorder: Recorder;
  readonly meter: Meter;
  readonly upstreams: ReadonlyMap<string, Upstream>;
}

/** Gathers what the entry of one call says, while the call goes its way. */
export class Journal {
  readonly #call: Call;
  readonly #recorder: Recorder;
  readonly #meter: Meter;
  /** `null` when there is none of that name. */
  readonly #server: string | null;
  #principal: Principal | null = null;
  #decision: { decision: Decision; policy: Policy } | null = null;
  #upstream: UpstreamHop | null = null;
  #sessionId: string | null;
  #result: Buffer | null = null;
  #responseBytes = 0;
  #written = false;

  constructor(call: Call, { recorder, meter, upstreams }: JournalServices) {
    this.#call = call;
    this.#recorder = recorder;
    this.#meter = meter;
    this.#server = upstreams.has(call.server) ? call.server : null;
    this.#sessionId = call.sessionId;
  }

  identified(principal: Principal): void {
    this.#principal = principal;
  }

  decided(decision: Decision, policy: Policy): void {
    this.#decision = { decision, policy };
  }

  forwarding(kind: Upstream['kind']): void {
    this.#upstream = { kind, revision: this.#call.revision, link: null };
  }

  sentOver(link: LinkSecurity): void {
    if (this.#upstream !== null) this.#upstream = { ...this.#upstream, link };
  }

  spokenIn(revision: Revision): void {
    if (this.#upstream !== null) this.#upstream = { ...this.#upstream, revision };
  }

  /** Keeps the session that the reply opens, if it does. */
  inSession(opened: string | null): void {
    this.#sessionId = opened ?? this.#sessionId;
  }

  /** Counts bytes that went back to the client. */
  returned(bytes: number): void {
    this.#responseBytes += bytes;
  }

  answered(body: Buffer): void {
    this.#result = body;
  }

  /**
   * Writes the entry and counts the call, once; later calls do nothing. In durable mode it resolves when the entry is on
   * disk.
   *
   * @throws RecordUnavailable when it cannot be written.
   */
  async close(outcome: OutcomeRecord): Promise<void> {
    if (this.#written) return;
    this.#written = true;
    this.#count(outcome);
    if (this.#recorder.on) await this.#recorder.record(this.#entry(outcome));
  }

  /** Records a request that the server makes of the client, before it goes out. */
  serverRequest(frame: RequestFrame): Promise<void> {
    const { id, method, bytes } = frame;
    return this.#aside(
      { kind: 'server_request', method, rpc_id: id },
      { request: sha256Label(bytes), result: null },
      { status: 'ok', http_status: 200 },
    );
  }

  /**
   * Records an answer to an earlier request that goes out on a stream, before it does; or what goes out
   * in its place.
   */
  replayed(frame: ResponseFrame, refusal?: OutcomeRecord): Promise<void> {
    return this.#aside(
      { kind: 'replayed', method: null, rpc_id: frame.id },
      { request: null, result: refusal === undefined ? sha256Label(frame.bytes) : null },
      refusal ?? outcomeOf(frame, 200),
    );
  }

  /** An entry of its own for one message of a stream. */
  #aside(
    what: Pick<McpRecord, 'kind' | 'method' | 'rpc_id'>,
    digests: CallEntry['digests'],
    outcome: OutcomeRecord,
  ): Promise<void> {
    if (!this.#recorder.on) return Promise.resolve();
    const entry = this.#entry(outcome);
    const { server, revision, era, session, via } = entry.mcp;
    return this.#recorder.record({
      ...entry,
      id: newCallId(),
      time: new Date().toISOString(),
      duration_ms: 0,
      mcp: { server, revision, era, session, ...(via === undefined ? {} : { via }), ...what },
      digests,
      bytes: { request: 0, response: 0 },
    });
  }

  #count({ status }: OutcomeRecord): void {
    const { revision } = this.#call;
    const hop = this.#upstream;
    this.#meter.call({
      server: this.#server,
      client: { era: revision.era, revision: revision.name },
      upstream: hop === null ? null : { era: hop.revision.era, revision: hop.revision.name },
      outcome: status,
    });
  }

  #entry(outcome: OutcomeRecord): CallEntry {
    const call = this.#call;
    const peer = call.clientLink.kind === 'tls' ? call.clientLink.peer : null;
    return {
      v: 1,
      id: call.id,
      time: new Date(call.receivedAtMs).toISOString(),
      duration_ms: Math.max(0, Date.now() - call.receivedAtMs),
      listener: call.listener,
      client: {
        principal: this.#principal?.name ?? null,
        spiffe_id: this.#principal?.spiffeId ?? null,
        certificate_sha256: peer?.fingerprint256 ?? null,
        ...(call.token === null ? {} : { token: describeToken(call.token) }),
        source: call.source,
        link: describeLink(call.clientLink),
      },
      mcp: {
        server: call.server === '' ? null : call.server,
        revision: call.revision.name,
        era: call.revision.era,
        session: this.#sessionId === null ? null : sessionTag(this.#sessionId),
        ...(call.via === null ? {} : { via: call.via }),
        ...describeMessage(call),
      },
      decision: {
        effect: this.#decision?.decision.effect ?? 'deny',
        rules: this.#decision?.decision.rules ?? [],
        policy: this.#decision?.policy.hash ?? null,
        reason: this.#decision?.decision.reason ?? 'refused before any rule was asked',
      },
      upstream: this.#upstream === null ? null : describeHop(this.#upstream),
      digests: {
        request: call.frame === null ? null : sha256Label(call.frame.bytes),
        result: this.#result === null ? null : sha256Label(this.#result),
      },
      bytes: { request: call.frame?.bytes.length ?? 0, response: this.#responseBytes },
      outcome,
    };
  }
}

/** The server's side of a call. */
interface UpstreamHop {
  readonly kind: Upstream['kind'];
  /** In which the server is spoken to. */
  readonly revision: Revision;
  readonly link: LinkSecurity | null;
}

function describeHop({ kind, revision, link }: UpstreamHop): UpstreamRecord {
  return {
    kind,
    revision: revision.name,
    era: revision.era,
    link: link === null ? null : describeLink(link),
  };
}

/** How a response that goes out with this HTTP status reads in the record. */
export function outcomeOf(response: ResponseFrame, httpStatus: number): OutcomeRecord {
  if ('error' in response.outcome) {
    return { status: 'rpc_error', code: response.outcome.error.code, http_status: httpStatus };
  }
  const failed = resultEntryOf(response, 'isError') === true;
  return { status: failed ? 'tool_error' : 'ok', http_status: httpStatus };
}

/** How a failure reads in the record; `httpStatus` is `null` when no answer could be sent. */
export function failureOf(error: PosternError, httpStatus: number | null): OutcomeRecord {
  return {
    status: isDenial(error) ? 'denied' : 'failed',
    code: error.code,
    http_status: httpStatus,
  };
}

/** A POST without a message is one whose caller was refused before it was read. */
const KIND_WITHOUT_MESSAGE = { GET: 'stream', DELETE: 'session_end', POST: 'request' } as const;

function describeMessage(
  call: Call,
): Pick<McpRecord, 'kind' | 'method' | 'rpc_id' | 'tool' | 'resource' | 'prompt'> {
  const { frame } = call;
  if (frame === null) {
    return { kind: KIND_WITHOUT_MESSAGE[call.httpMethod], method: null, rpc_id: null };
  }
  if (frame.kind === 'response') return { kind: 'response', method: null, rpc_id: frame.id };
  return {
    kind: frame.kind,
    method: frame.method,
    rpc_id: frame.kind === 'request' ? frame.id : null,
    ...targetOf(frame),
  };
}

/** The tool, resource or prompt that a message names. */
function targetOf(frame: Frame): Pick<McpRecord, 'tool' | 'resource' | 'prompt'> {
  try {
    for (const access of accessesOf(frame)) {
      if (access.kind === 'server' || access.kind === 'method') continue;
      return { [access.kind]: access.name };
    }
  } catch {
    // The message does not say what it names; the outcome tells that.
  }
  return {};
}
