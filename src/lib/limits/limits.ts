import { BRIDGE_LIMITS } from './bridge.ts';
import { CLIENT_LIMITS } from './clients.ts';
import { FEDERATION_LIMITS } from './federation.ts';
import { MESSAGE_LIMITS } from './messages.ts';
import { RESUMPTION_LIMITS } from './resumption.ts';
import { SESSION_LIMITS } from './sessions.ts';
import { TOKEN_LIMITS } from './tokens.ts';
import { UPKEEP_LIMITS } from './upkeep.ts';
import { UPSTREAM_LIMITS } from './upstreams.ts';

/**
 * Every bound of the gateway in one place.
 *
 * `postern.yaml` overrides them under `limits:` with the same names in snake_case.
 */
export const LIMITS = {
  ...MESSAGE_LIMITS,
  ...CLIENT_LIMITS,
  ...SESSION_LIMITS,
  ...RESUMPTION_LIMITS,
  ...UPSTREAM_LIMITS,
  ...FEDERATION_LIMITS,
  ...BRIDGE_LIMITS,
  ...TOKEN_LIMITS,
  ...UPKEEP_LIMITS,
};

/** Name of one bound. */
export type LimitName = keyof typeof LIMITS;

/** The bounds in force. */
export type Limits = Readonly<Record<LimitName, number>>;

/** Every bound at its default. */
export const DEFAULT_LIMITS: Limits = Object.fromEntries(
  Object.entries(LIMITS).map(([name, limit]) => [name, limit.default]),
) as Record<LimitName, number>;
