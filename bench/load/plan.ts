/** What the load generator is asked to do, and what it answers: JSON on its stdin and stdout. */
import type { CpuShare } from '../processes.ts';

/** Size of the HTTP upstream's whole answer to a call. */
export const ANSWER_BYTES = 1024;

/** Where the calls go. */
export interface Target {
  readonly port: number;
  /** Path of the MCP endpoint. */
  readonly path: string;
  /** `null` for plain HTTP. */
  readonly tls: TargetTls | null;
}

/** The link that every connection must turn out to have; anything else fails the run. */
export interface TargetTls {
  /** PEM file with the only authorities to trust. */
  readonly caFile: string;
  /** TLS group, the only one offered. */
  readonly group: string;
  /** Kind of key that the server's certificate must have. */
  readonly keyType: 'ml-dsa-65' | 'ec';
}

/** What is called, and what must come back. */
export interface CallShape {
  /** `2026-07-28` is the stateless era with its `_meta` and `Mcp-*` headers. */
  readonly revision: '2025-11-25' | '2026-07-28';
  /** Opens a session with `initialize` first; all connections then call within it. */
  readonly session: boolean;
  /** Size of the JSON-RPC request. */
  readonly requestBytes: number;
  /** `padded`: the HTTP upstream's 1 KB result. `echo`: the `echo` of server-everything. */
  readonly answer: 'padded' | 'echo';
}

/** Lengths of one measurement. */
export interface Times {
  /** Unmeasured calls: for at least this long … */
  readonly warmUpMs: number;
  /** … and at least so many of them, for the compiler's sake, in five times that long at most. */
  readonly warmUpCalls: number;
  /** Length of the closed-loop window, and of the open-loop one. */
  readonly windowMs: number;
}

/** Calls over kept-alive connections: as fast as they go, then at a fixed rate. */
export interface CallPlan {
  readonly kind: 'calls';
  readonly target: Target;
  readonly shape: CallShape;
  /** One request in flight on each. */
  readonly connections: number;
  readonly times: Times;
  readonly watch: readonly Watched[];
}

/** TLS handshakes, each on a connection of its own that is closed afterwards. */
export interface HandshakePlan {
  readonly kind: 'handshakes';
  readonly target: Target;
  /** Handshakes under way at a time. */
  readonly connections: number;
  readonly times: Times;
  readonly watch: readonly Watched[];
}

export type LoadPlan = CallPlan | HandshakePlan;

/** A process whose CPU time is counted in each window, with all its descendants. */
export interface Watched {
  readonly role: 'subject' | 'upstream';
  readonly pid: number;
}

/** What one window saw. */
export interface Window {
  readonly seconds: number;
  /** Right answers. */
  readonly calls: number;
  /** Wrong answers, lost connections, calls without an answer. */
  readonly errors: number;
  /** What the first few errors were. */
  readonly complaints: readonly string[];
  readonly latencyUs: Percentiles;
  /** CPU time spent in the window by role; `other` is everything else that ran on the machine. */
  readonly cpu: Readonly<Record<Role, CpuShare>>;
  /** `CLOCK_MONOTONIC` at its begin and end, microseconds. */
  readonly from: number;
  readonly to: number;
}

/** Whose CPU time: `server` is the stdio MCP server, a descendant of the subject. */
export type Role = 'subject' | 'server' | 'upstream' | 'generator' | 'other';

/** Microseconds. */
export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Window at a fixed rate; latency counts from when a call was due, not from when it was sent. */
export interface OpenWindow extends Window {
  /** Calls due per second. */
  readonly rate: number;
  /** How late the generator itself sent, while a connection was free. */
  readonly latenessUs: Percentiles;
}

/** What came of a plan. */
export interface LoadReport {
  /** What was negotiated, such as `TLSv1.3 X25519MLKEM768 ml-dsa-65 TLS_AES_256_GCM_SHA384`. */
  readonly link: string;
  readonly closed: Window;
  /** `null` for handshakes. */
  readonly open: OpenWindow | null;
}
