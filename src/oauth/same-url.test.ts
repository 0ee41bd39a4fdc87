import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSameUrl } from './same-url.ts';

const URL_OF_REQUEST = 'https://mcp.example/servers/a-b/mcp';

test('R-13: URLs of proofs are compared after normalisation (RFC 9449 §4.3)', () => {
  const same = [
    URL_OF_REQUEST,
    'HTTPS://MCP.example/servers/a-b/mcp',
    'https://mcp.example:443/servers/a-b/mcp',
    'https://mcp.example/servers/%61%2Db/mcp',
    'https://mcp.example/servers/x/../a-b/mcp',
    `${URL_OF_REQUEST}?x=1#y`,
  ];
  for (const htu of same) assert.ok(isSameUrl(htu, URL_OF_REQUEST), htu);
  const others = [
    'http://mcp.example/servers/a-b/mcp',
    'https://mcp.example:8443/servers/a-b/mcp',
    'https://mcp.example/servers/a%2Fb/mcp',
    'https://mcp.example/servers/A-b/mcp',
    'https://mcp.example\\servers/a-b/mcp',
    'https://mcp.example/servers/a-b/mcp\n',
    ' https://mcp.example/servers/a-b/mcp',
    'https://mcp.example./servers/a-b/mcp',
    '//mcp.example/servers/a-b/mcp',
    'data:https://mcp.example',
    `${URL_OF_REQUEST}?${'x'.repeat(3000)}`,
    '',
  ];
  for (const htu of others) {
    assert.ok(!isSameUrl(htu, URL_OF_REQUEST), JSON.stringify(htu));
  }
  assert.ok(isSameUrl('https://a/%c3%a9', 'https://a/%C3%A9'));
  assert.ok(isSameUrl('https://a', 'https://a/'));
});
