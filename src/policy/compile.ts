import type { AllowedAlgorithms } from '#crypto';
import { parseAllowedAlgorithms } from '#crypto';
import { sha256Label } from '#lib';
import type { Matcher } from './glob.ts';
import { compileGlob } from './glob.ts';
import type { LinkPolicy, Policy, PrincipalMatcher, Rule, RuleTargets } from './model.ts';
import type { PolicyYaml, RuleYaml } from './schema.ts';

/**
 * Compiles a policy as written.
 *
 * @param text that it was read from
 * @throws UnknownAlgorithm when `allowed_algos` names an algorithm that the registry does not have.
 */
export function compilePolicy(written: PolicyYaml, text: string): Policy {
  return {
    hash: sha256Label(text),
    text,
    links: compileLinks(written),
    rules: (written.rules ?? []).map(compileRule),
    refusal: null,
  };
}

/** The policy that refuses every call, for when none can be read. */
export function denyAllPolicy(hash: string): Policy {
  const refusal = 'no valid policy is in force, so every call is denied';
  return { hash, text: null, links: compileLinks({}), rules: [], refusal };
}

function compileLinks(written: PolicyYaml): LinkPolicy {
  const connectivity = written.p2p_connectivity;
  const detection = threatDetectionOf(written);
  return {
    enforcePqc: connectivity?.enforce_pqc ?? true,
    allowed: allowedOf(connectivity?.allowed_algos),
    threatDetection: {
      blockDowngradeAttempts: detection.block_downgrade_attempts ?? false,
      alertOnLatencySpike: detection.alert_on_latency_spike ?? false,
    },
  };
}

/** The `threat_detection` settings of both places where they may stand. */
export function threatDetectionOf(
  written: PolicyYaml,
): NonNullable<PolicyYaml['threat_detection']> {
  return { ...written.threat_detection, ...written.p2p_connectivity?.threat_detection };
}

function allowedOf(names: string | readonly string[] | undefined): AllowedAlgorithms {
  if (names === undefined) return { groups: null, signatures: null, ciphers: null };
  return parseAllowedAlgorithms(typeof names === 'string' ? [names] : names);
}

function compileRule(written: RuleYaml, index: number): Rule {
  return {
    id: written.id ?? ruleIdAt(index),
    effect: written.effect,
    principals: (written.principals ?? ['*']).map((pattern) =>
      compilePrincipal(pattern, written.effect),
    ),
    scopes: written.scopes ?? null,
    servers: (written.servers ?? ['*']).map(compileGlob),
    targets: compileTargets(written),
  };
}

/** Id of a rule that has none of its own, by its position from 1. */
export function ruleIdAt(index: number): string {
  return `rule-${index + 1}`;
}

/**
 * To deny, `*` is really everybody; to allow, callers without an identity must be named, and those
 * that an issuer names with it: `al*` was written for certificates.
 */
function compilePrincipal(pattern: string, effect: Rule['effect']): PrincipalMatcher {
  if (pattern === '*' && effect === 'deny') return () => true;
  if (pattern === 'anonymous') return (principal) => principal.kind === 'anonymous';
  const matches = compileGlob(pattern);
  const forTokens = effect === 'deny' || pattern === '*' || pattern.includes(':');
  return ({ kind, name, spiffeId }) => {
    if (kind === 'anonymous') return false;
    if (kind === 'token') return forTokens && matches(name);
    return matches(name) || (spiffeId !== null && matches(spiffeId));
  };
}

function compileTargets(written: RuleYaml): RuleTargets | null {
  const { tools, resources, prompts, methods } = written;
  if ([tools, resources, prompts, methods].every((list) => list === undefined)) return null;
  return {
    tool: compileGlobs(tools),
    resource: compileGlobs(resources),
    prompt: compileGlobs(prompts),
    method: compileGlobs(methods),
  };
}

function compileGlobs(patterns: readonly string[] = []): readonly Matcher[] {
  return patterns.map(compileGlob);
}
