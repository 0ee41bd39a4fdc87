import type { CallEntry } from '#audit';
import { newCallId } from '#audit';

/** A plausible entry for tests, as large as most. */
export function sampleEntry(tool = 'read_file'): CallEntry {
  const link = { kind: 'tls', protocol: 'TLSv1.3', group: 'X25519MLKEM768', quantum_safe: true };
  return {
    v: 1,
    id: newCallId(),
    time: new Date().toISOString(),
    duration_ms: 12.5,
    listener: 'main',
    client: {
      principal: 'spiffe://example.org/agent/a',
      spiffe_id: 'spiffe://example.org/agent/a',
      certificate_sha256: Array(32).fill('AB').join(':'),
      source: '127.0.0.1',
      link,
    },
    mcp: {
      server: 'files',
      revision: '2025-11-25',
      era: 'stateful',
      session: '0123456789abcdef0123456789abcdef',
      kind: 'request',
      method: 'tools/call',
      rpc_id: 7,
      tool,
    },
    decision: {
      effect: 'allow',
      rules: ['read-only'],
      policy: `sha256:${'0'.repeat(64)}`,
      reason: null,
    },
    upstream: { kind: 'http', revision: '2025-11-25', era: 'stateful', link },
    digests: { request: `sha256:${'1'.repeat(64)}`, result: `sha256:${'2'.repeat(64)}` },
    bytes: { request: 120, response: 900 },
    outcome: { status: 'ok', http_status: 200 },
  };
}
