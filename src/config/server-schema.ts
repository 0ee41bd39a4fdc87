import { z } from 'zod';
import { authorization, checkAuthorization } from './authorization-schema.ts';
import { serverAlias } from './federation-schema.ts';
import { path, processText, serverUrl, variableName } from './fields.ts';
import { headers } from './headers.ts';
import { linkProtection } from './link-schema.ts';
import { parsedText, Refusal } from './refusal.ts';
import { secretOr } from './secret.ts';

const command = parsedText((text) => {
  if (text.trim() === '') return new Refusal('must not be empty');
  if (text.includes('\0')) return new Refusal('must not contain a NUL character');
  // No shell reads this: the whole text would be taken for the program's name.
  const [program = '', ...rest] = text.trim().split(/\s+/);
  if (rest.length > 0 && !/[/\\]/.test(program)) {
    return new Refusal('the arguments belong into "args"', program);
  }
  return text;
});

/** Programs that start others, which they get from a registry. */
const FETCHERS: ReadonlySet<string> = new Set(['bunx', 'npx', 'pipx', 'pnpx', 'uvx']);

const bound = z.int().min(1).max(Number.MAX_SAFE_INTEGER);

const rlimits = z.strictObject({
  memory_bytes: bound.optional().describe('Address space; Node.js programs need some 50 GB of it.'),
  open_files: bound.optional().describe('Open file descriptors.'),
  processes: bound.optional().describe('Processes and threads of the program’s user.'),
  cpu_seconds: bound.optional().describe('CPU time, after which the kernel ends the program.'),
  file_bytes: bound.optional().describe('Largest file that it writes.'),
});

const userId = z.int().min(0).max(4_294_967_294);

const stdio = z.strictObject({
  command: command.describe(
    'Program to run, found on the PATH, or as a path relative to this file. No shell is involved.',
  ),
  args: z.array(processText).default([]).describe('Arguments of the program.'),
  env: z
    .record(variableName, secretOr(processText))
    .default({})
    .describe(
      'Environment variables of the program. Their values are secrets: text, or where it is found when the program is started.',
    ),
  pass_env: z
    .array(variableName)
    .default([])
    .describe('Names of variables that the program gets from the environment of Postern.'),
  cwd: path
    .optional()
    .describe(
      'Working directory of the program. Default: that of Postern; in the strict sandbox its own /tmp.',
    ),
  instances: z
    .enum(['session', 'principal', 'shared'])
    .default('session')
    .describe(
      'Whom one process serves: one `session`, the sessions of one `principal`, or everybody (`shared`), whose state is then everybody’s too. A process of several sessions can ask no client anything (sampling, elicitation, roots).',
    ),
  run_as: z
    .strictObject({
      uid: userId.describe('Numeric user id.'),
      gid: userId.describe('Numeric group id.'),
    })
    .optional()
    .describe('User and group as whom the program runs; only a gateway run by root can choose.'),
  rlimits: rlimits
    .optional()
    .describe('Bounds of each of its processes, kept by Linux (`prlimit`).'),
  sandbox: z
    .enum(['off', 'no_network', 'strict'])
    .default('off')
    .describe(
      '`no_network` leaves the program no network at all (Linux, `unshare`), and nothing else; `strict` besides only its own file, the system’s programs and libraries, and what `cwd`, `readable` and `writable` name, with a home, a /tmp and processes of its own (Linux, `bwrap`).',
    ),
  readable: z
    .array(path)
    .default([])
    .describe(
      'Files and directories that a program in the strict sandbox may read: its package, its data.',
    ),
  writable: z
    .array(path)
    .default([])
    .describe('Directories that such a program may write; none that hold files of Postern.'),
});

/** @param endpoint what its URL is. */
const remote = (endpoint: string) =>
  z
    .strictObject({
      url: serverUrl.describe(`${endpoint}: https://, or http:// on this machine.`),
      tls: linkProtection,
      headers: headers
        .default({})
        .describe(
          'Headers of each request, such as Authorization. Their values are secrets: text, or where it is found.',
        ),
      authorization,
      addresses: z
        .enum(['public', 'private', 'any'])
        .default('private')
        .describe(
          'How far inside the name in the URL may lead: to `public` addresses alone, to those of `private` networks too, or to `any`, also of this machine. An IP address and `localhost` are taken as they are written.',
        ),
    })
    .superRefine(checkAuthorization)
    .superRefine(({ url, tls }, context) => {
      if (tls === undefined || url.protocol === 'https:') return;
      const message = 'this server is reached over plain http://, without TLS';
      context.addIssue({ code: 'custom', path: ['tls'], message, params: { at: 'key' } });
    });

const http = remote('Its endpoint');
const sse = remote('Its event stream, from which it names where to send messages');

/** One MCP server behind the gateway. */
export const server = z
  .strictObject({
    stdio: stdio
      .superRefine(({ command: program, sandbox, readable, writable }, context) => {
        if (
          sandbox === 'strict' &&
          FETCHERS.has(program) &&
          [...readable, ...writable].length === 0
        ) {
          const message = `${program} fetches what it runs, and has neither network nor cache in the strict sandbox; install it, and name its own program`;
          context.addIssue({ code: 'custom', path: ['command'], message });
        }
        for (const [key, paths] of Object.entries({ readable, writable })) {
          if (paths.length === 0 || sandbox === 'strict') continue;
          const message = 'has a meaning in the strict sandbox alone';
          context.addIssue({ code: 'custom', path: [key], message, params: { at: 'key' } });
        }
      })
      .optional()
      .describe('A program that speaks MCP over its standard streams.'),
    http: http.optional().describe('A server that speaks MCP over Streamable HTTP.'),
    sse: sse.optional().describe('A server on the older HTTP+SSE transport (2024-11-05).'),
    alias: serverAlias
      .optional()
      .describe(
        'What its tools’ names begin with behind the endpoint for many servers. Default: its name.',
      ),
    federated: z
      .boolean()
      .default(true)
      .describe('Whether it is behind the endpoint for many servers, /mcp, as well.'),
    era: z
      .enum(['auto', 'stateful', 'stateless'])
      .default('auto')
      .describe(
        'Revisions that the server speaks: 2024-11-05 to 2025-11-25 are `stateful`, 2026-07-28 is `stateless`; `auto` finds it out.',
      ),
    bridge: z
      .enum(['auto', 'off'])
      .default('auto')
      .describe('Whether clients of the other era are served, too, by translation.'),
  })
  .meta({ oneOf: [{ required: ['stdio'] }, { required: ['http'] }, { required: ['sse'] }] })
  .transform(({ alias, federated, era, bridge, ...value }, context) => {
    const common = { alias, federated, era, bridge };
    const [one, other] = [
      ...(value.stdio ? [{ kind: 'stdio', ...common, ...value.stdio } as const] : []),
      ...(value.http ? [{ kind: 'http', ...common, ...value.http } as const] : []),
      ...(value.sse ? [{ kind: 'sse', ...common, ...value.sse } as const] : []),
    ];
    if (one !== undefined && other === undefined) return one;
    context.addIssue({
      code: 'custom',
      message:
        one === undefined || other === undefined
          ? 'is none of "stdio", "http" and "sse"'
          : `has both "${one.kind}" and "${other.kind}"; a server is one of them`,
      params: { at: 'key', allowed: ['stdio', 'http', 'sse'] },
    });
    return z.NEVER;
  });

/** A server as written in postern.yaml. */
export type ServerInput = z.input<typeof server>;

/** A server, checked. */
export type ServerOutput = z.output<typeof server>;
