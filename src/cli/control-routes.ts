import type { ControlRoute } from '#admin';
import { ControlRequestInvalid } from '#admin';
import type { Gateway } from '#gateway';
import { z } from 'zod';
import type { RunningIdentity } from './running-identity.ts';

const listener = z.string().nullable();
const startRequest = z.strictObject({
  listener,
  profile: z.string(),
  percent: z.number().min(0).max(100),
  sticky: z.boolean(),
});
const stepRequest = z.strictObject({ listener, drain: z.boolean() });

/** What commands can ask of a running gateway, by method and path. */
export function controlRoutes(
  gateway: Gateway,
  identity: () => RunningIdentity,
): ReadonlyMap<string, ControlRoute> {
  const listeners = async () => ({ listeners: await gateway.listenerStatus() });
  return new Map<string, ControlRoute>([
    ['GET /identity', identity],
    ['GET /rollout', listeners],
    [
      'POST /rollout/start',
      async (input) => {
        const { listener: name, ...wanted } = parsed(startRequest, input);
        await gateway.tls.startRollout(name, wanted);
        return listeners();
      },
    ],
    [
      'POST /rollout/promote',
      async (input) => {
        const { listener: name, drain } = parsed(stepRequest, input);
        await gateway.tls.promote(name);
        if (drain) gateway.drainOld();
        return listeners();
      },
    ],
    [
      'POST /rollout/rollback',
      async (input) => {
        const { listener: name, drain } = parsed(stepRequest, input);
        await gateway.tls.rollBack(name, null);
        if (drain) gateway.drainOld();
        return listeners();
      },
    ],
    [
      'POST /drain',
      () => {
        gateway.drainOld();
        return listeners();
      },
    ],
  ]);
}

function parsed<T>(schema: z.ZodType<T>, input: unknown): T {
  const { success, data, error } = schema.safeParse(input);
  if (success) return data;
  throw new ControlRequestInvalid(error.issues.map(({ message }) => message).join('; '));
}
