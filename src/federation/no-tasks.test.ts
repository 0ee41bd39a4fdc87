import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestFrame } from './frames.ts';
import { withoutTaskExtension, withoutTasks } from './no-tasks.ts';

test('R-23 servers are not told that the client takes tasks, which could not be asked after', () => {
  assert.deepEqual(withoutTasks({ protocolVersion: 'x', capabilities: { tasks: {}, roots: {} } }), {
    protocolVersion: 'x',
    capabilities: { roots: {} },
  });
  assert.deepEqual(withoutTasks({}), {});
  const capabilities = (extensions: object) => ({
    _meta: { 'io.modelcontextprotocol/clientCapabilities': { extensions } },
    name: 'x',
  });
  const given = { 'io.modelcontextprotocol/tasks': {}, 'io.modelcontextprotocol/ui': {} };
  const asked = requestFrame(1, 'tools/call', capabilities(given));
  const { params } = JSON.parse(withoutTaskExtension(asked).bytes.toString()) as {
    params: unknown;
  };
  assert.deepEqual(params, capabilities({ 'io.modelcontextprotocol/ui': {} }));
  const escaped = asked.bytes.toString().replaceAll('l/tasks', String.raw`l\/tasks`);
  const hidden = withoutTaskExtension({ ...asked, bytes: Buffer.from(escaped) });
  assert.doesNotMatch(hidden.bytes.toString(), /tasks/);
  const plain = requestFrame(1, 'tools/call', { name: 'x' });
  assert.equal(withoutTaskExtension(plain), plain);
});
