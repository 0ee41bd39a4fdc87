/** Server programs that fail in every way a program can, and a neighbour that must not notice. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pqFetch } from '../support/clients.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { until } from '../support/until.ts';
import { Neighbour } from './support/neighbour.ts';
import { isRunning, memoryOf, NO_PROC, pidOf, untilStatus } from './support/processes.ts';
import { hostileServer } from './support/programs.ts';
import type { Answer } from './support/session.ts';
import { contentOf, INITIALIZE, McpSession, postMessage } from './support/session.ts';

const MIB = 1024 * 1024;
const LIMITS = {
  upstream_idle_timeout_ms: 1000,
  call_max_ms: 2000,
  max_message_bytes: 4 * MIB,
  child_stop_grace_ms: 200,
  child_backoff_min_ms: 10,
  child_backoff_max_ms: 100,
};

let postern: TestPostern;
let http: ReturnType<typeof pqFetch>;
let neighbour: Neighbour;
before(async () => {
  postern = await startTestPostern({
    servers: {
      good: hostileServer(),
      bad: hostileServer(),
      stubborn: hostileServer('stubborn'),
      silent: hostileServer('silent'),
      dying: hostileServer('die'),
      missing: { stdio: { command: 'no-such-program-here' } },
    },
    limits: LIMITS,
    log: { level: 'info', format: 'json' },
  });
  http = pqFetch(postern);
  neighbour = await Neighbour.meet(http.fetch, postern.url('good'));
});
after(async () => {
  await http.close();
  await postern.stop();
});

function codeOf({ message }: Answer): string | undefined {
  return message?.error?.data?.code;
}

/** A new session; after an early death the server is left alone for a moment. */
async function open(server: string): Promise<McpSession> {
  const url = postern.url(server);
  let session: McpSession | undefined;
  await until('the server is started again', async () => {
    session = await McpSession.open(http.fetch, url).catch(() => undefined);
    return session !== undefined;
  });
  return session ?? assert.fail();
}

interface Case {
  readonly tool: string;
  readonly args?: Record<string, unknown>;
  readonly progress?: boolean;
  readonly code: string;
  readonly says: RegExp;
  /** Whether the session is over after it. */
  readonly fatal: boolean;
}

const CASES: Readonly<Record<string, Case>> = {
  'dies amid a call': {
    tool: 'crash',
    code: 'POSTERN_UPSTREAM_UNAVAILABLE',
    says: /exited with code 3/,
    fatal: true,
  },
  'closes its output': {
    tool: 'close-output',
    code: 'POSTERN_UPSTREAM_UNAVAILABLE',
    says: /closed its output/,
    fatal: true,
  },
  hangs: {
    tool: 'hang',
    code: 'POSTERN_UPSTREAM_TIMEOUT',
    says: /said nothing for 1000 ms/,
    fatal: false,
  },
  'floods with progress': {
    tool: 'flood',
    progress: true,
    code: 'POSTERN_UPSTREAM_TIMEOUT',
    says: /did not answer within 2000 ms/,
    fatal: false,
  },
  'writes what is no JSON': {
    tool: 'garbage',
    args: { count: 150 },
    code: 'POSTERN_UPSTREAM_PROTOCOL',
    says: /no MCP messages/,
    fatal: true,
  },
  'answers in two ways at once': {
    tool: 'ambiguous',
    code: 'POSTERN_UPSTREAM_PROTOCOL',
    says: /twice/,
    fatal: false,
  },
  'writes a line of 20 MB': {
    tool: 'huge',
    args: { count: 20_000_000 },
    code: 'POSTERN_UPSTREAM_MESSAGE_TOO_LARGE',
    says: /longer than 4 MiB/,
    fatal: true,
  },
};

for (const [what, { tool, args, progress, code, says, fatal }] of Object.entries(CASES)) {
  test(`a server that ${what} fails its own call alone`, async () => {
    const session = await open('bad');
    const options = progress === true ? { progressToken: 1 } : {};
    const answer = await neighbour.besides(() => session.call(tool, args, options));
    assert.equal(answer.status, 200);
    assert.equal(codeOf(answer), code);
    assert.match(answer.message?.error?.message ?? '', says);
    const next = await neighbour.besides(() => session.call('echo'));
    assert.equal(next.status, fatal ? 404 : 200);
    if (!fatal) await session.end();
  });
}

test('a server that floods its stderr is answered for, and the log stays small', async () => {
  const session = await open('bad');
  const linesBefore = postern.log().length;
  const answer = await neighbour.besides(() => session.call('stderr', { count: 20_000 }));
  assert.ok(answer.message?.result);
  await postern.logged(({ event }) => event === 'upstream.stderr_dropped');
  assert.ok(postern.log().length - linesBefore < 500);
  await session.end();
});

test(
  'a flood of 3,000 notifications passes at the pace of the client',
  { skip: NO_PROC },
  async () => {
    const session = await open('bad');
    const memory = memoryOf(pidOf(postern));
    const answer = await neighbour.besides(() => session.call('tell', { count: 3000 }));
    // Few enough that a busy machine does not reach call_max_ms.
    assert.equal(answer.before.length, 3000);
    assert.ok(answer.message?.result);
    assert.ok(memoryOf(pidOf(postern)) - memory < 128 * MIB);
    await session.end();
  },
);

for (const server of ['bad', 'stubborn']) {
  test(`the family of a ${server} server ends with its session`, { skip: NO_PROC }, async () => {
    const session = await open(server);
    const { pid, grandchild } = contentOf(await session.call('fork')) as Record<string, number>;
    assert.ok(pid !== undefined && grandchild !== undefined);
    assert.ok(isRunning(pid) && isRunning(grandchild));
    await neighbour.besides(async () => {
      await session.end();
      await until('both have ended', () => !isRunning(pid) && !isRunning(grandchild));
    });
  });
}

const STARTS: Readonly<Record<string, { code: string; says: RegExp }>> = {
  silent: { code: 'POSTERN_UPSTREAM_TIMEOUT', says: /said nothing for 1000 ms/ },
  dying: { code: 'POSTERN_UPSTREAM_UNAVAILABLE', says: /exited with code 7/ },
  missing: { code: 'POSTERN_UPSTREAM_UNAVAILABLE', says: /"no-such-program-here" was not found/ },
};
for (const [server, { code, says }] of Object.entries(STARTS)) {
  test(`a server that cannot start fails \`initialize\`: ${server}`, async () => {
    const url = postern.url(server);
    const answer = await neighbour.besides(() => postMessage(http.fetch, url, INITIALIZE));
    assert.equal(answer.headers.get('mcp-session-id'), null);
    assert.equal(codeOf(answer), code);
    assert.match(answer.message?.error?.message ?? '', says);
    await untilStatus(postern, 'nothing of it is left', ({ servers }) => {
      const { sessions, children } = servers[server] ?? {};
      return sessions === 0 && children === 0;
    });
  });
}

test('R-19 each of these failures is in the record', async () => {
  const codes = new Set((await postern.record()).map(({ outcome }) => outcome.code));
  for (const { code } of [...Object.values(CASES), ...Object.values(STARTS)]) {
    assert.ok(codes.has(code), code);
  }
});
