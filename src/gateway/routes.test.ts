import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PathUnknown } from './errors.ts';
import { isSsePath, methodsOf, routeOf } from './routes.ts';

test('R-23 a path leads to one server, to all of them or to a set, in either transport', () => {
  const server = { kind: 'server', name: 'files' } as const;
  assert.deepEqual(routeOf('/servers/files/mcp'), { target: server, endpoint: 'mcp' });
  assert.deepEqual(routeOf('/servers/files/sse?x=1'), { target: server, endpoint: 'sse' });
  const all = { kind: 'federation', set: null } as const;
  assert.deepEqual(routeOf('/mcp'), { target: all, endpoint: 'mcp' });
  assert.deepEqual(routeOf('/messages?session=x'), { target: all, endpoint: 'messages' });
  assert.deepEqual(routeOf('/sets/research/mcp'), {
    target: { kind: 'federation', set: 'research' },
    endpoint: 'mcp',
  });
});

test('R-14 any other path is refused', () => {
  for (const url of ['', '/', '/mcp/', '//mcp', '/servers/mcp', '/servers/A/mcp', '/x/a/mcp']) {
    assert.throws(() => routeOf(url), PathUnknown, url);
  }
});

test('R-23 the two paths of HTTP+SSE are told from others', () => {
  for (const url of ['/servers/a/sse', '/servers/a/messages?session=x', '/sse']) {
    assert.ok(isSsePath(url), url);
  }
  for (const url of [
    undefined,
    '',
    '/servers/a/mcp',
    '/servers/sse/mcp',
    '/servers/a/mcp?x=/sse',
  ]) {
    assert.ok(!isSsePath(url), String(url));
  }
});

test('R-23 each path tells the methods that it has', () => {
  assert.deepEqual(methodsOf('/sets/few/sse'), ['GET']);
  assert.deepEqual(methodsOf('/messages?session=x'), ['POST']);
  for (const url of [undefined, '/mcp?x=/sse', '/servers/sse/mcp']) {
    assert.deepEqual(methodsOf(url), ['POST', 'GET', 'DELETE'], String(url));
  }
});
