/** Other gateways for MCP, where they are installed: plain HTTP on both sides, as they come. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, realpath, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import { start } from '../children.ts';
import { findCommand, freePort } from '../programs.ts';
import { startEcho, targetAt } from './echo.ts';
import { noNamespace, openNamespace } from './namespace.ts';
import type { Subject } from './subject.ts';
import { subjectOf } from './subject.ts';

/** What ContextForge makes of the tool's name: that of its server comes first. */
export const CONTEXTFORGE_TOOL = 'bench-echo';

const START_UP_MS = 120_000;

/** Why ContextForge cannot be measured, `null` when it can. */
export function noContextForge(): string | null {
  return findCommand('mcpgateway') === null
    ? 'mcpgateway (pip install mcp-contextforge-gateway) is not installed'
    : null;
}

/** Why agentgateway cannot be measured, `null` when it can. */
export function noAgentgateway(): string | null {
  return findCommand('agentgateway') === null ? 'agentgateway is not installed' : noNamespace();
}

/**
 * IBM's ContextForge as one process with SQLite, and callers with a token, as it comes, but for two
 * settings: it may reach the loopback interface, and it does not stop after a hundred calls a minute.
 */
export async function contextForgeSubject(bench: Bench): Promise<Subject> {
  const command = await realpath(findCommand('mcpgateway') ?? 'mcpgateway');
  const cwd = await mkdtemp(join(bench.directory, 'contextforge-'));
  const env = contextForgeSettings();
  const upstream = await startEcho(bench, 'plain');
  const port = await freePort();
  const bind = ['--host', '127.0.0.1', '--port', String(port)];
  const { subject: core } = bench.cores;
  const child = start(command, ['mcpgateway.main:app', ...bind], { core, cwd, env });
  const authorization = `Bearer ${await contextForgeToken(join(dirname(command), 'python'), cwd, env)}`;
  const origin = `http://127.0.0.1:${port}`;
  await untilHealthy(`${origin}/health`, () => child.ended);
  const post = async (path: string, body: object): Promise<void> => {
    const headers = { authorization, 'content-type': 'application/json' };
    const response = await fetch(origin + path, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`ContextForge: ${path} ${await response.text()}`);
  };
  const url = `http://127.0.0.1:${upstream.port}/mcp`;
  await post('/gateways', { name: 'bench', url, transport: 'STREAMABLEHTTP' });
  const target = { ...targetAt(port, null), path: '/mcp/', headers: { authorization } };
  return subjectOf({ child, upstream: upstream.child, target });
}

/** agentgateway with one worker thread. It binds every interface, so it has a network of its own. */
export async function agentgatewaySubject(bench: Bench): Promise<Subject> {
  const { host, within } = await openNamespace();
  const upstream = await startEcho(bench, 'plain', {}, within);
  const port = 3000;
  const file = join(await mkdtemp(join(bench.directory, 'agentgateway-')), 'config.yaml');
  await writeFile(file, agentgatewayConfig(port, upstream.port));
  const child = start(findCommand('agentgateway') ?? 'agentgateway', ['-f', file], {
    core: bench.cores.subject,
    within,
  });
  return subjectOf({ child, upstream: upstream.child, within, host, target: targetAt(port, null) });
}

function contextForgeSettings(): Record<string, string> {
  const secret = (): string => randomBytes(32).toString('base64url');
  return {
    DATABASE_URL: 'sqlite:///./contextforge.db',
    CACHE_TYPE: 'memory',
    RATE_LIMITING_ENABLED: 'false',
    SSRF_ALLOW_LOCALHOST: 'true',
    SSRF_ALLOW_PRIVATE_NETWORKS: 'true',
    JWT_SECRET_KEY: secret(),
    AUTH_ENCRYPTION_SECRET: secret(),
    BASIC_AUTH_PASSWORD: secret(),
    PLATFORM_ADMIN_PASSWORD: secret(),
  };
}

/** A token for an hour, made by ContextForge's own tool with the secret of its environment. */
async function contextForgeToken(
  python: string,
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const who = ['--username', 'admin@example.com', '--admin', '--exp', '60'];
  const tool = ['-m', 'mcpgateway.utils.create_jwt_token', ...who];
  const said = await start(python, tool, { core: null, cwd, env }).output();
  return said.trim().split('\n').at(-1) ?? '';
}

async function untilHealthy(url: string, hasEnded: () => boolean): Promise<void> {
  const deadline = performance.now() + START_UP_MS;
  while (!hasEnded() && performance.now() < deadline) {
    const healthy = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
    if (healthy) return;
    await wait(200);
  }
  throw new Error('ContextForge did not come up');
}

/** See `schema/config.json` of agentgateway. */
function agentgatewayConfig(port: number, upstreamPort: number): string {
  return JSON.stringify({
    config: {
      workerThreads: 1,
      adminAddr: '127.0.0.1:15000',
      statsAddr: '127.0.0.1:15020',
      readinessAddr: '127.0.0.1:15021',
    },
    binds: [
      {
        port,
        listeners: [
          {
            routes: [
              {
                backends: [
                  {
                    mcp: {
                      targets: [
                        { name: 'bench', mcp: { host: `http://127.0.0.1:${upstreamPort}/mcp` } },
                      ],
                    },
                  },
                ],
              },
            ],
          },
        ],
      },
    ],
  });
}
