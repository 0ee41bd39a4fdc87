/**
 * The official client straight on a stdio server, for reference: what a gateway's caller would do
 * without one. Takes {@link SdkPlan} as JSON on stdin and prints a {@link LoadReport}; the generator
 * is the subject here.
 */
import { json } from 'node:stream/consumers';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Lanes } from './lanes.ts';
import type { LoadReport, Times } from './plan.ts';
import { nowUs } from './window.ts';

/** What to do. */
export interface SdkPlan {
  /** Program and arguments of the server. */
  readonly command: readonly string[];
  readonly inFlight: number;
  readonly messageBytes: number;
  readonly times: Times;
}

try {
  const plan = (await json(process.stdin)) as SdkPlan;
  console.log(JSON.stringify(await run(plan)));
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}

async function run(plan: SdkPlan): Promise<LoadReport> {
  const [command = '', ...args] = plan.command;
  const transport = new StdioClientTransport({ command, args, stderr: 'ignore' });
  const client = new Client({ name: 'postern-bench', version: '1.0.0' });
  await client.connect(transport);
  try {
    return await measure(client, transport.pid ?? 0, plan);
  } finally {
    await client.close();
  }
}

async function measure(client: Client, serverPid: number, plan: SdkPlan): Promise<LoadReport> {
  const lanes = new Lanes();
  let number = 0;
  const lane = async (): Promise<void> => {
    while (!lanes.stopping) {
      number += 1;
      const message = `call ${number} `.padEnd(plan.messageBytes, 'x');
      const sentAt = nowUs();
      const { content } = await client.callTool({ name: 'echo', arguments: { message } });
      const [first] = content as { text?: string }[];
      if (first?.text === `Echo: ${message}`) lanes.right(nowUs() - sentAt);
      else lanes.wrong(`wrong answer to ${message.trimEnd()}`);
    }
  };
  const ended = Promise.all(Array.from({ length: plan.inFlight }, () => lane()));
  const window = await lanes.run(ended, plan.times, [{ role: 'upstream', pid: serverPid }]);
  const { subject: none, generator } = window.cpu;
  const cpu = { ...window.cpu, subject: generator, generator: none };
  return { link: 'stdio', closed: { ...window, cpu }, open: null };
}
