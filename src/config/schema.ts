import { z } from 'zod';
import { isLoopback } from './address.ts';
import { crossCheck } from './cross-check.ts';
import { federation } from './federation-schema.ts';
import { address, path, settingName, trustDomain } from './fields.ts';
import { limits } from './limits-schema.ts';
import { listener } from './listener-schema.ts';
import { profileDefinitions } from './profile.ts';
import { server } from './server-schema.ts';

const adminListener = z
  .strictObject({
    address: address
      .prefault('127.0.0.1:7480')
      .describe('host:port on a loopback address. Port 0 takes any free port.'),
  })
  .superRefine((value, context) => {
    if (isLoopback(value.address.host)) return;
    const message = 'the admin listener needs a loopback address, such as 127.0.0.1';
    context.addIssue({ code: 'custom', path: ['address'], message, input: value.address.host });
  });

/** Cores of large machines. */
const MAX_WORKERS = 256;

/** The shape of postern.yaml. */
export const configSchema = z
  .strictObject({
    version: z.literal(1).describe('Format of this file.'),
    state_dir: path
      .optional()
      .describe(
        'Keys, certificates and records. Default: $POSTERN_HOME, else the XDG state directory.',
      ),
    trust_domain: trustDomain
      .prefault('postern.internal')
      .describe('SPIFFE trust domain of the identities that this gateway issues.'),
    sealing_keys: path
      .optional()
      .describe(
        'File of the keys that seal session ids, for several gateways that share them. Default: keys of its own in the state directory.',
      ),
    policy: path
      .optional()
      .describe('The policy file, relative to this one. Without one every call is denied.'),
    profiles: profileDefinitions
      .prefault({})
      .describe('Profiles of algorithms besides the built-in ones, by name.'),
    workers: z
      .union([z.literal('auto'), z.int().min(1).max(MAX_WORKERS)])
      .default(1)
      .describe(
        'Threads that share the work of the listeners: a number, or `auto` for one a core. Limits of calls, connections and memory are of each one. More than 1 needs Linux or FreeBSD.',
      ),
    listeners: z
      .array(listener)
      .min(1)
      .prefault([{ name: 'main', address: '127.0.0.1:7443' }])
      .describe('Where clients connect.'),
    admin: z
      .union([z.literal('off'), adminListener])
      .prefault({})
      .describe('Where health, status and metrics are served; `off` for nowhere.'),
    servers: z
      .record(settingName, server)
      .refine((value) => Object.keys(value).length > 0, { error: 'needs at least one server' })
      .meta({ minProperties: 1 })
      .describe('MCP servers behind the gateway, by name.'),
    federation: federation
      .prefault({})
      .describe('The endpoint for many servers, /mcp, and those for named sets of their tools.'),
    audit: z
      .strictObject({
        mode: z
          .enum(['durable', 'async', 'off'])
          .default('durable')
          .describe('`durable` answers a call once its record is on disk; `async` does not wait.'),
      })
      .prefault({})
      .describe('The record of calls.'),
    log: z
      .strictObject({
        level: z
          .enum(['debug', 'info', 'warn', 'error'])
          .default('info')
          .describe('Least severity that is logged.'),
        format: z
          .enum(['auto', 'json', 'text'])
          .default('auto')
          .describe('`auto` is text on a terminal and JSON elsewhere.'),
      })
      .prefault({})
      .describe('The log, on standard error.'),
    limits: limits
      .prefault({})
      .describe('Bounds on sizes, counts and times; see the table of limits.'),
  })
  .superRefine(crossCheck, { when: () => true });

/** postern.yaml, checked. */
export type ConfigOutput = z.output<typeof configSchema>;
