import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mirrorHeaders } from './mirror.ts';
import { requestFrame } from './frames.ts';
import { Questions } from './questions.ts';
import { rewriteAnswer, rewriteToolMeta } from './rewrite.ts';

const MEMBER = { server: 'files', alias: 'files', prefix: 'files__', scheme: 'files' };

function rewritten(result: object, method = 'tools/call'): unknown {
  const bytes = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, result }));
  const message = JSON.parse(rewriteAnswer(bytes, method, MEMBER).toString()) as {
    result: unknown;
  };
  return message.result;
}

const STATELESS = { name: '2026-07-28', era: 'stateless' } as const;

test('R-23 URIs in links, embedded resources and contents become the endpoint’s, others stay', () => {
  const link = (uri: string) => ({ type: 'resource_link', uri, name: 'x' });
  const embedded = (uri: string) => ({ type: 'resource', resource: { uri, text: 'see a:b' } });
  assert.deepEqual(
    rewritten({
      content: [link('a:b'), embedded('c:d'), { type: 'text', text: '"uri":"a:b"' }],
      structuredContent: { uri: 'a:b' },
      _meta: { ui: { resourceUri: 'ui://x' } },
    }),
    {
      content: [link('files+a:b'), embedded('files+c:d'), { type: 'text', text: '"uri":"a:b"' }],
      structuredContent: { uri: 'a:b' },
      _meta: { ui: { resourceUri: 'files+ui://x' } },
    },
  );
  assert.deepEqual(
    rewritten({ messages: [{ role: 'user', content: embedded('c:d') }] }, 'prompts/get'),
    { messages: [{ role: 'user', content: embedded('files+c:d') }] },
  );
  assert.deepEqual(rewritten({ contents: [{ uri: 'a:b', text: '' }] }, 'resources/read'), {
    contents: [{ uri: 'files+a:b', text: '' }],
  });
});

test('R-23 an answer without URIs goes on as the very same bytes', () => {
  const bytes = Buffer.from('{"jsonrpc":"2.0","id":1,"result":{"content":[],"n":1e400}}');
  assert.equal(rewriteAnswer(bytes, 'tools/call', MEMBER), bytes);
  assert.equal(rewriteAnswer(bytes, 'completion/complete', MEMBER), bytes);
});

test('R-23 a tool names the page of its app by the endpoint’s URI', () => {
  assert.deepEqual(
    rewriteToolMeta({ ui: { resourceUri: 'ui://a', x: 1 }, 'ui/resourceUri': 'ui://a' }, MEMBER),
    { ui: { resourceUri: 'files+ui://a', x: 1 }, 'ui/resourceUri': 'files+ui://a' },
  );
  assert.equal(rewriteToolMeta(undefined, MEMBER), undefined);
});

test('R-23 headers follow the request that they go with', () => {
  const given = {
    'mcp-method': 'tools/call',
    'mcp-name': 'files__x',
    'mcp-param-region': 'eu',
    'mcp-protocol-version': '2026-07-28',
  };
  assert.deepEqual(
    mirrorHeaders(requestFrame(1, 'tools/call', { name: 'grüße' }), given, STATELESS),
    {
      'mcp-method': 'tools/call',
      'mcp-name': '=?base64?Z3LDvMOfZQ==?=',
      'mcp-param-region': 'eu',
      'mcp-protocol-version': '2026-07-28',
    },
  );
  assert.deepEqual(mirrorHeaders(requestFrame(1, 'tools/list', {}), given, STATELESS), {
    'mcp-method': 'tools/list',
    'mcp-protocol-version': '2026-07-28',
  });
});

test('R-23 requests of two servers with the same id and token are told apart, and forgotten once answered', () => {
  const questions = new Questions(2);
  const asked = requestFrame(7, 'sampling/createMessage', { _meta: { progressToken: 't' } });
  const [first, second] = ['one', 'two'].map(
    (server) => JSON.parse(String(questions.enter(server, asked))) as AskedMessage,
  );
  assert.ok(first !== undefined && second !== undefined);
  assert.notEqual(first.id, second.id);
  assert.equal(first.params['_meta'].progressToken, first.id);
  assert.deepEqual(questions.find(first.id), { server: 'one', id: 7, token: 't' });
  assert.equal(questions.idOf('two', 7), second.id);
  questions.answered(first.id);
  assert.equal(questions.find(first.id), undefined);
  for (const id of [7, null, 'one/9', second.id.toUpperCase()]) {
    assert.equal(questions.find(id), undefined);
  }
  for (let more = 0; more < 3; more += 1) questions.enter('one', { ...asked, id: `x${more}` });
  assert.equal(questions.find(second.id), undefined, 'the oldest gives way');
});

interface AskedMessage {
  readonly id: string;
  readonly params: { readonly _meta: { readonly progressToken: string } };
}
