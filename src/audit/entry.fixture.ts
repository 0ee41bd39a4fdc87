import type { CallEntry } from './entry.ts';
import { newCallId } from './id.ts';

/** A plausible entry for tests. */
export function sampleEntry(overrides: Partial<CallEntry> = {}): CallEntry {
  return {
    v: 1,
    id: newCallId(),
    time: '2026-11-23T01:02:03.456Z',
    duration_ms: 12.5,
    listener: 'main',
    client: {
      principal: 'spiffe://example.org/agent/a',
      spiffe_id: 'spiffe://example.org/agent/a',
      certificate_sha256: 'AB:CD',
      source: '127.0.0.1',
      link: { kind: 'tls', protocol: 'TLSv1.3', group: 'X25519MLKEM768', quantum_safe: true },
    },
    mcp: {
      server: 'files',
      revision: '2025-11-25',
      era: 'stateful',
      session: null,
      kind: 'request',
      method: 'tools/call',
      rpc_id: 7,
      tool: 'read_file',
    },
    decision: { effect: 'allow', rules: ['read-only'], policy: 'sha256:00', reason: null },
    upstream: {
      kind: 'stdio',
      revision: '2025-11-25',
      era: 'stateful',
      link: { kind: 'pipe', quantum_safe: true },
    },
    digests: { request: 'sha256:01', result: 'sha256:02' },
    bytes: { request: 120, response: 900 },
    outcome: { status: 'ok', http_status: 200 },
    ...overrides,
  };
}
