/** Bridges from HTTP to a stdio server, both from npm, plain HTTP and without policy or record. */
import type { Bench } from '../bench.ts';
import { start } from '../children.ts';
import { EVERYTHING, freePort, MCP_PROXY, SUPERGATEWAY } from '../programs.ts';
import { targetAt } from './echo.ts';
import { openNamespace } from './namespace.ts';
import type { Subject } from './subject.ts';
import { subjectOf } from './subject.ts';

/** mcp-proxy with its stateful Streamable HTTP endpoint alone; it can be told to bind the loopback. */
export async function mcpProxySubject(bench: Bench): Promise<Subject> {
  const port = await freePort();
  const bind = ['--host', '127.0.0.1', '--port', String(port), '--server', 'stream'];
  const child = start(process.execPath, [MCP_PROXY, ...bind, '--', process.execPath, EVERYTHING], {
    core: bench.cores.subject,
  });
  return subjectOf({ child, target: targetAt(port, null) });
}

/**
 * supergateway in stateful mode. It binds every interface and cannot be told otherwise, so it runs in
 * a network namespace that has a loopback interface and nothing else.
 */
export async function supergatewaySubject(bench: Bench): Promise<Subject> {
  const { host, within } = await openNamespace();
  const port = 8000;
  const child = start(
    process.execPath,
    [
      SUPERGATEWAY,
      '--stdio',
      `${process.execPath} ${EVERYTHING}`,
      '--outputTransport',
      'streamableHttp',
      '--stateful',
      '--port',
      String(port),
      '--logLevel',
      'none',
    ],
    { core: bench.cores.subject, within },
  );
  return subjectOf({ child, within, host, target: targetAt(port, null) });
}
