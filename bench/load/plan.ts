/** What the load generator is asked to do, and what it answers: JSON on its stdin and stdout. */
import type { CpuShare } from '../processes.ts';

/** Size of the HTTP upstream's whole answer to a call. */
export const ANSWER_BYTES = 1024;
/** Size of the large answers. */
export const LARGE_ANSWER_BYTES = 1_000_000;
/** Size of an event stream, and of each message in it. */
export const STREAM_BYTES = 100_000_000;
export const STREAM_MESSAGE_BYTES = 4096;

/** Where the calls go. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** Path of the MCP endpoint. */
  readonly path: string;
  /** `null` for plain HTTP. */
  readonly tls: TargetTls | null;
  /** Sent with every request, such as credentials. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The link that every connection must turn out to have; anything else fails the run. */
export interface TargetTls {
  /** PEM file with the only authorities to trust. */
  readonly caFile: string;
  /** The name that the certificate must have. */
  readonly serverName: string;
  /** TLS group, the only one offered; `null` takes what is negotiated. */
  readonly group: string | null;
  /** Kind of key that the server's certificate must have; `null` for any. */
  readonly keyType: 'ml-dsa-65' | 'ec' | null;
}

/** What is called, and what must come back. */
export interface CallShape {
  /** `2026-07-28` is the stateless era with its `_meta` and `Mcp-*` headers. */
  readonly revision: '2025-11-25' | '2026-07-28';
  /**
   * `always` opens a session with `initialize` first, and all connections then call within it;
   * `offered` does if the server makes one.
   */
  readonly session: 'never' | 'always' | 'offered';
  /** Name of the tool, `echo` where nothing renames it. */
  readonly tool: string;
  /** Size of the JSON-RPC request. */
  readonly requestBytes: number;
  /**
   * `padded`: the HTTP upstream's result. `relayed`: that result written anew by what is in between.
   * `echo`: the `echo` of server-everything.
   */
  readonly answer: 'padded' | 'relayed' | 'echo';
  /** Size of a padded answer. */
  readonly answerBytes: number;
}

/** Lengths of one measurement. */
export interface Times {
  /** Unmeasured calls: for at least this long … */
  readonly warmUpMs: number;
  /** … and at least so many of them, for the compiler's sake, in twice that long at most. */
  readonly warmUpCalls: number;
  /** Length of the closed-loop window. */
  readonly windowMs: number;
  /** Length of the open-loop window; 0 leaves it out. */
  readonly openMs: number;
}

/** What all plans have. */
interface Plan {
  readonly target: Target;
  readonly times: Times;
  readonly watch: readonly Watched[];
}

/** Calls over kept-alive connections: as fast as they go, then at a fixed rate. */
export interface CallPlan extends Plan {
  readonly kind: 'calls';
  readonly shape: CallShape;
  /** One request in flight on each. */
  readonly connections: number;
}

/** Event streams of {@link STREAM_BYTES}, one after the other on one connection. */
export interface StreamPlan extends Plan {
  readonly kind: 'stream';
}

/** TLS handshakes, each on a connection of its own that is closed afterwards. */
export interface HandshakePlan extends Plan {
  readonly kind: 'handshakes';
  /** Handshakes under way at a time. */
  readonly connections: number;
}

export type LoadPlan = CallPlan | StreamPlan | HandshakePlan;

/** What has its CPU time counted in each window: a process with its descendants, or a cgroup. */
export type Watched =
  | { readonly role: 'subject' | 'upstream'; readonly pid: number }
  | { readonly role: 'subject'; readonly cgroup: string };

/** What one window saw. */
export interface Window {
  readonly seconds: number;
  /** Right answers, or handshakes, or megabytes of an event stream. */
  readonly calls: number;
  /** Wrong answers, lost connections, calls without an answer. */
  readonly errors: number;
  /** What the first few errors were. */
  readonly complaints: readonly string[];
  readonly latencyUs: Percentiles;
  /** CPU time spent in the window by role; `other` is everything else that ran on the machine. */
  readonly cpu: Readonly<Record<Role, CpuShare>>;
  /** Time that the hypervisor took from the machine's cores, a part of `other`; milliseconds. */
  readonly stolenMs: number;
  /** The part of the subject's CPU time that its processes' main threads took. */
  readonly mainThreads: CpuShare;
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
  /** The calls that the hypervisor had no part in; no figures where it always had. */
  readonly quiet: Quiet;
}

/** Calls that were due, and answered, while nothing was stolen from the machine's cores. */
export interface Quiet {
  /** Share of the window. */
  readonly share: number;
  readonly calls: number;
  readonly latencyUs: Percentiles;
}

/** What came of a plan. */
export interface LoadReport {
  /** What was negotiated, such as `TLSv1.3 X25519MLKEM768 ml-dsa-65 TLS_AES_256_GCM_SHA384`. */
  readonly link: string;
  readonly closed: Window;
  /** `null` where only the closed loop was asked for, or makes sense. */
  readonly open: OpenWindow | null;
}
