import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServerProbe } from './probe-servers.ts';
import { describeProbe, probesText } from './print-probes.ts';

const REFUSED: ServerProbe = {
  name: 'notes',
  kind: 'http',
  reachable: false,
  detail: 'the certificate is for another name: \u001b[2Jevil',
  link: null,
  notes: ['notes was shown no client certificate'],
  token: { works: false, detail: 'refused: \u202eterces' },
  shows: {
    protocol: 'TLSv1.3',
    group: 'X25519',
    certificate: {
      subject: 'CN=\u202egnihton',
      issuer: 'CN=authority',
      names: 'DNS:notes.example',
      notBeforeMs: Date.UTC(2026, 0, 1),
      notAfterMs: Number.NaN,
      key: 'ECDSA-P256-SHA256',
      fingerprint256: 'AA:BB',
      pin: 'sha256/abc=',
    },
    conflicts: ['its key exchange is X25519'],
  },
};

test('R-08 what a refused server shows is told, and its text commands no terminal', () => {
  const text = probesText([REFUSED]);
  // oxlint-disable-next-line no-control-regex -- what must not be there
  assert.doesNotMatch(text, /[\u001b\u202e]/);
  assert.match(text, /✗ notes {2}the certificate is for another name: \\u\{1b\}\[2Jevil/);
  assert.match(text, /^ {4}subject +CN=\\u\{202e\}gnihton$/m);
  assert.match(text, /^ {4}not before +2026-01-01T00:00:00\.000Z$/m);
  assert.match(text, /^ {4}not after +unreadable$/m);
  assert.match(text, /^ {4}✗ its key exchange is X25519$/m);
  assert.match(text, /^ {2}✗ token for notes: refused: \\u\{202e\}terces$/m);
  assert.match(text, /^ {2}note: notes was shown no client certificate$/m);
});

test('a probe as JSON has what the server shows when it was refused, and only then', () => {
  assert.match(JSON.stringify(describeProbe(REFUSED)), /"shows":\{"subject":/);
  assert.doesNotMatch(JSON.stringify(describeProbe({ ...REFUSED, shows: null })), /shows"/);
});
