/**
 * What a decision about arguments can stand on: the gateway's reading of them is the server's, because
 * the server gets the very bytes that were read, and nothing that readers could take in two ways.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_LIMITS } from '#lib';
import { jsonLimitsOf, readFrame } from '#mcp';
import { ambiguousText, objectText } from '../support/json-texts.ts';
import type { MirrorServer } from '../support/mirror-server.ts';
import { startMirrorServer } from '../support/mirror-server.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { openSession } from '../support/raw.ts';
import { programAt } from '../support/transports.ts';

const NEW = '2026-07-28';
const META = `,"_meta":{"io.modelcontextprotocol/protocolVersion":"${NEW}","io.modelcontextprotocol/clientCapabilities":{}}`;

/** A way to a server, and what came to it last. */
interface Way {
  readonly url: string;
  readonly tool: string;
  readonly meta: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What the server was sent, of an answer. */
  received(answer: Answer): Buffer;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

let mirror: MirrorServer;
let postern: TestPostern;
let ways: Readonly<Record<'http' | 'program' | 'federated' | 'bridged', Way>>;

before(async () => {
  mirror = await startMirrorServer();
  postern = await startTestPostern({
    servers: {
      mirror: { http: { url: mirror.url } },
      program: {
        stdio: programAt('test/fixtures/recording-stdio.ts'),
        era: 'stateful',
        federated: false,
      },
    },
    listeners: [{ name: 'main', address: '127.0.0.1:0', tls: 'off' }],
    policy: {
      p2p_connectivity: { enforce_pqc: false },
      rules: [{ id: 'all', effect: 'allow', principals: ['anonymous'] }],
    },
  });
  const old = { 'mcp-protocol-version': '2025-11-25' };
  const session = await openSession(fetch, postern.url('program'), '2025-11-25');
  const reached = (): Buffer => mirror.reached.at(-1)?.body ?? Buffer.alloc(0);
  const stateless = { 'mcp-protocol-version': NEW, 'mcp-method': 'tools/call' };
  ways = {
    http: { url: postern.url('mirror'), tool: 'echo', meta: '', headers: old, received: reached },
    program: {
      url: postern.url('program'),
      tool: 'echo',
      meta: '',
      headers: { ...old, ...session },
      received: lineOf,
    },
    federated: {
      url: `${postern.endpoint}/mcp`,
      tool: 'mirror__echo',
      meta: META,
      headers: { ...stateless, 'mcp-name': 'mirror__echo' },
      received: reached,
    },
    bridged: {
      url: postern.url('program'),
      tool: 'echo',
      meta: META,
      headers: { ...stateless, 'mcp-name': 'echo' },
      received: lineOf,
    },
  };
});
after(async () => {
  await postern.stop();
  await mirror.close();
});

/** The line that the program was sent. */
function lineOf({ text }: Answer): Buffer {
  const base64 = /"text":"([^"]*)"/.exec(text)?.[1] ?? assert.fail(text);
  return Buffer.from(base64, 'base64');
}

/** A call with arguments that are written so. */
function callOf({ tool, meta }: Way, args: string): Buffer {
  const params = `{"name":"${tool}","arguments":${args}${meta}}`;
  return Buffer.from(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":${params}}`);
}

async function post({ url, headers }: Way, body: Buffer): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      ...headers,
    },
    body: new Uint8Array(body),
  });
  return { status: response.status, text: await response.text() };
}

/** What the gateway decides on. */
function seenIn(message: Buffer): unknown {
  const frame = readFrame(message, jsonLimitsOf(DEFAULT_LIMITS, DEFAULT_LIMITS.maxRequestBytes));
  return frame.kind === 'request' ? frame.params['arguments'] : assert.fail();
}

function parsedIn(message: Buffer): unknown {
  return (JSON.parse(message.toString('utf8')) as { params: { arguments: unknown } }).params
    .arguments;
}

test('R-11 R-17 the arguments that policy sees are those that the server gets, byte for byte', async () => {
  const { http, program, federated, bridged } = ways;
  await fc.assert(
    fc.asyncProperty(objectText, async (args) => {
      const sent = callOf(http, args);
      const seen = seenIn(sent);
      const direct = http.received(await post(http, sent));
      assert.ok(direct.equals(sent), String(direct));
      // A line end is a space to a program that reads lines.
      const line = program.received(await post(program, callOf(program, args)));
      assert.ok(line.includes(args.replaceAll(/[\r\n]/g, ' ')), String(line));
      const shared = federated.received(await post(federated, callOf(federated, args)));
      assert.ok(shared.includes(args), String(shared));
      for (const received of [direct, line, shared]) assert.deepEqual(parsedIn(received), seen);
      // The bridge writes messages anew, with the same in them; -0 becomes 0.
      const anew = bridged.received(await post(bridged, callOf(bridged, args)));
      assert.equal(JSON.stringify(parsedIn(anew)), JSON.stringify(seen));
    }),
    { numRuns: 50 },
  );
});

test('R-11 R-17 arguments that can be read in two ways reach no server', async () => {
  const reached = mirror.reached.length;
  await fc.assert(
    fc.asyncProperty(ambiguousText, async (args) => {
      for (const way of Object.values(ways)) {
        const { status, text } = await post(way, callOf(way, args));
        assert.equal(status, 400);
        assert.match(text, /"code":"POSTERN_FRAME_AMBIGUOUS"/);
      }
    }),
    { numRuns: 25 },
  );
  assert.equal(mirror.reached.length, reached);
});
