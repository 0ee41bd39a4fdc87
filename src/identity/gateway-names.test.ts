import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatewayNames } from './gateway-names.ts';
import { failure } from './test-support.ts';

const LOCAL = ['localhost', '127.0.0.1', '::1'];

test('the local names come first and each name once', () => {
  assert.deepEqual(gatewayNames([]), LOCAL);
  assert.deepEqual(
    gatewayNames(['LocalHost', 'MCP.example.org', '[::1]', '[FE80::1]', '10.0.0.1']),
    [...LOCAL, 'mcp.example.org', 'fe80::1', '10.0.0.1'],
  );
});

test('what is neither a DNS name nor an address is refused', () => {
  const malformed = [
    '',
    '.',
    'a..b',
    '-a',
    'a-',
    'a b',
    'a,b',
    'https://a',
    'a:8443',
    '*.example.org',
    'bücher.example',
    '127.0.0.256',
    'fe80::1%eth0',
    `${'a'.repeat(64)}.org`,
    `${'a.'.repeat(127)}ab`,
  ];
  for (const name of malformed) {
    assert.throws(() => gatewayNames([name]), failure('POSTERN_GATEWAY_NAME_INVALID'), name);
  }
});
