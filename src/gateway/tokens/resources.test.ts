import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readConfig } from '#config';
import { describedPathOf, isMetadataPath, originOf, resourcePathOf } from './resources.ts';

const ISSUERS = 'issuers: [{ name: a, issuer: "https://a.example" }]';

function originFor(listener: string, port: number): string {
  const servers = 'servers: { files: { stdio: { command: node } } }';
  const reading = readConfig(`version: 1\nlisteners: [{ name: m, ${listener} }]\n${servers}`, 'f');
  assert.ok(reading.ok);
  const [settings] = reading.settings.listeners;
  return originOf(settings ?? assert.fail(), port);
}

test('R-13 a listener’s resources are called after the name under which clients reach it', () => {
  const authorization = `authorization: { ${ISSUERS} }`;
  for (const [listener, port, origin] of [
    [`address: "127.0.0.1:0", ${authorization}`, 4711, 'https://127.0.0.1:4711'],
    [`address: "[::1]:7443", ${authorization}`, 7443, 'https://[::1]:7443'],
    [`address: "127.0.0.1:80", tls: off, ${authorization}`, 80, 'http://127.0.0.1'],
    [
      `address: "0.0.0.0:443", server_names: [MCP.example.com, b], ${authorization}`,
      443,
      'https://mcp.example.com',
    ],
    [
      `address: "0.0.0.0:7443", authorization: { resource: "https://GW.example:443/", ${ISSUERS} }`,
      7443,
      'https://gw.example',
    ],
  ] as const) {
    assert.equal(originFor(listener, port), origin);
  }
});

test('R-13 both halves of HTTP+SSE are one resource, and queries are no part of any', () => {
  assert.equal(resourcePathOf('/servers/a/messages?session=x'), '/servers/a/sse');
  assert.equal(resourcePathOf('/servers/a/sse?x'), '/servers/a/sse');
  assert.equal(resourcePathOf('/mcp?x=/messages'), '/mcp');
  assert.equal(resourcePathOf('/servers/messages/mcp'), '/servers/messages/mcp');
});

test('R-13 the metadata of a resource is at the well-known path before its own', () => {
  const WELL_KNOWN = '/.well-known/oauth-protected-resource';
  assert.equal(describedPathOf(`${WELL_KNOWN}/servers/a/mcp?x`), '/servers/a/mcp');
  assert.equal(describedPathOf(WELL_KNOWN), '');
  assert.ok(isMetadataPath(`${WELL_KNOWN}/mcp`));
  assert.ok(!isMetadataPath('/.well-known/est/cacerts'));
  assert.ok(!isMetadataPath(undefined));
});
