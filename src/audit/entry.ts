/**
 * One call in the record: who, what, the decision, how both hops were protected, the outcome.
 * Digests, never bodies.
 */
export interface CallEntry {
  readonly v: 1;
  /** Call id, see `newCallId`. */
  readonly id: string;
  /** When the call arrived, ISO 8601 in UTC. */
  readonly time: string;
  readonly duration_ms: number;
  /** Name of the listener that took the call. */
  readonly listener: string;
  readonly client: ClientRecord;
  readonly mcp: McpRecord;
  readonly decision: DecisionRecord;
  /** `null` when the call was not to be forwarded. */
  readonly upstream: UpstreamRecord | null;
  readonly digests: DigestsRecord;
  readonly bytes: { readonly request: number; readonly response: number };
  readonly outcome: OutcomeRecord;
}

/** Who called, over which link. */
export interface ClientRecord {
  /** `null` when the caller could not be identified. */
  readonly principal: string | null;
  readonly spiffe_id: string | null;
  /** SHA-256 fingerprint of the client's certificate, as in `PeerCertificate`. */
  readonly certificate_sha256: string | null;
  /** The access token that named the principal; absent without one. */
  readonly token?: TokenRecord;
  /** Address of the peer; without its port, which says nothing later. */
  readonly source: string;
  /** `describeLink` of the client's hop. */
  readonly link: LinkRecord;
}

/** An access token, never itself. */
export interface TokenRecord {
  /** Name of its issuer in the configuration. */
  readonly issuer: string;
  readonly subject: string;
  readonly client_id: string | null;
  /** By what it was bound to its sender. */
  readonly binding: 'none' | 'dpop' | 'certificate';
  /** Tells apart tokens; a part of its digest. */
  readonly id: string;
  /** Of its signature. */
  readonly algorithm: string;
  readonly quantum_safe: boolean;
}

/** What was called. */
export interface McpRecord {
  /** Name of the server behind the gateway; `null` for what an endpoint for many answers by itself. */
  readonly server: string | null;
  readonly revision: string | null;
  readonly era: 'stateful' | 'stateless' | null;
  /** Path of the endpoint for many servers that the call came by; absent when it named its server. */
  readonly via?: string;
  /** `sessionTag` of the session, never its id. */
  readonly session: string | null;
  /**
   * `stream` is a GET stream, `session_end` a DELETE; `server_request` is a request of the server to
   * the client, such as sampling, on its way to the client, and `replayed` an answer that a client
   * fetches later on a stream.
   */
  readonly kind:
    | 'request'
    | 'notification'
    | 'response'
    | 'stream'
    | 'session_end'
    | 'server_request'
    | 'replayed';
  readonly method: string | null;
  readonly rpc_id: string | number | null;
  readonly tool?: string;
  /** URI of the resource. */
  readonly resource?: string;
  readonly prompt?: string;
}

/** What policy said. */
export interface DecisionRecord {
  readonly effect: 'allow' | 'deny';
  /** Ids of the rules that led to it. */
  readonly rules: readonly string[];
  /** Hash of the policy in force, `null` when the call did not come that far. */
  readonly policy: string | null;
  readonly reason: string | null;
}

/** The server's side. */
export interface UpstreamRecord {
  readonly kind: 'stdio' | 'http' | 'sse';
  /** In which the server was spoken to; another than the client's when the gateway translated. */
  readonly revision: string;
  readonly era: 'stateful' | 'stateless';
  /** `describeLink` of the hop that carried the call, `null` when nothing was sent on any. */
  readonly link: LinkRecord | null;
}

/** `sha256:` and hex of the exact bytes, `null` where there were none. */
export interface DigestsRecord {
  readonly request: string | null;
  readonly result: string | null;
}

/** How the call ended. */
export interface OutcomeRecord {
  /** `undelivered`: the client was gone before the answer, and the server may have gone on. */
  readonly status:
    'ok' | 'rpc_error' | 'tool_error' | 'denied' | 'failed' | 'cancelled' | 'undelivered';
  /** `POSTERN_*` or the JSON-RPC error code. */
  readonly code?: string | number;
  /** `null` when no status was sent. */
  readonly http_status: number | null;
}

/** A link in the record, as `describeLink` of the crypto room gives it. */
export type LinkRecord = Readonly<Record<string, unknown>>;
