import { algorithmNamed, algorithmNames, isStandardName, parseAllowedAlgorithms } from '#crypto';
import type { Diagnostic, YamlPath, YamlSource } from '#lib';
import { nearest, readYaml } from '#lib';
import { compilePolicy, ruleIdAt, threatDetectionOf } from './compile.ts';
import type { Policy } from './model.ts';
import type { PolicyYaml } from './schema.ts';
import { policySchema } from './schema.ts';

/** A policy, or everything that is wrong with its file. */
export type PolicyReading =
  | { readonly ok: true; readonly policy: Policy; readonly warnings: readonly Diagnostic[] }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/** Reads the text of a policy.yaml; `file` names it in diagnostics. Never throws. */
export function readPolicy(text: string, file: string): PolicyReading {
  const reading = readYaml(text, file, policySchema);
  if (!reading.ok) return reading;
  const { value, source } = reading;
  const diagnostics = [
    ...unknownAlgorithms(value, source),
    ...contradictions(value, source),
    ...repeatedIds(value, source),
  ];
  if (diagnostics.length > 0) return { ok: false, diagnostics };
  return {
    ok: true,
    policy: compilePolicy(value, text),
    warnings: warningsOf(value, source),
  };
}

interface AlgorithmName {
  readonly name: string;
  readonly path: YamlPath;
}

function allowedAlgorithms(value: PolicyYaml): readonly AlgorithmName[] {
  const written = value.p2p_connectivity?.allowed_algos ?? [];
  const path = ['p2p_connectivity', 'allowed_algos'];
  if (typeof written === 'string') return [{ name: written, path }];
  return written.map((name, index) => ({ name, path: [...path, index] }));
}

function unknownAlgorithms(value: PolicyYaml, source: YamlSource): Diagnostic[] {
  return allowedAlgorithms(value).flatMap(({ name, path }) => {
    if (isAlgorithm(name)) return [];
    const allowed = algorithmNames();
    const suggestion = nearest(name, allowed);
    return [
      source.diagnose({
        path,
        message: 'unknown algorithm',
        input: name,
        allowed,
        ...(suggestion === undefined ? {} : { suggestion }),
      }),
    ];
  });
}

function isAlgorithm(name: string): boolean {
  try {
    parseAllowedAlgorithms([name]);
    return true;
  } catch {
    return false;
  }
}

/** Both nestings of `threat_detection` are accepted, but not if they disagree. */
function contradictions(value: PolicyYaml, source: YamlSource): Diagnostic[] {
  const nested = value.p2p_connectivity?.threat_detection;
  const sibling = value.threat_detection;
  if (nested === undefined || sibling === undefined) return [];
  const keys = ['block_downgrade_attempts', 'alert_on_latency_spike'] as const;
  return keys
    .filter((key) => (nested[key] ?? sibling[key]) !== (sibling[key] ?? nested[key]))
    .map((key) =>
      source.diagnose({
        path: ['threat_detection'],
        message: `${key} differs from p2p_connectivity.threat_detection; say it in one place`,
      }),
    );
}

function repeatedIds(value: PolicyYaml, source: YamlSource): Diagnostic[] {
  const seen = new Set<string>();
  return (value.rules ?? []).flatMap((rule, index) => {
    const id = rule.id ?? ruleIdAt(index);
    if (!seen.has(id)) {
      seen.add(id);
      return [];
    }
    return [source.diagnose({ path: ['rules', index], message: `rule id "${id}" is used twice` })];
  });
}

/** Names from before the standards, and other spellings, are understood; records have the standard one. */
function renamedAlgorithms(value: PolicyYaml, source: YamlSource): Diagnostic[] {
  return allowedAlgorithms(value).flatMap(({ name, path }) => {
    const row = algorithmNamed(name);
    if (row === undefined || isStandardName(name, row)) return [];
    return [
      source.diagnose({
        path,
        message: `understood as ${row.name} (${row.standard})`,
        input: name,
        suggestion: row.name,
      }),
    ];
  });
}

function warningsOf(value: PolicyYaml, source: YamlSource): Diagnostic[] {
  const warnings = renamedAlgorithms(value, source);
  if ((value.rules ?? []).every((rule) => rule.effect === 'deny')) {
    warnings.push(
      source.diagnose({ path: [], message: 'no rule allows anything: every call is denied' }),
    );
  }
  const detection = threatDetectionOf(value);
  if (detection.block_downgrade_attempts === true || detection.alert_on_latency_spike === true) {
    warnings.push(
      source.diagnose({
        path: value.threat_detection
          ? ['threat_detection']
          : ['p2p_connectivity', 'threat_detection'],
        message:
          'accepted, but this version does not yet remember peers: what is weaker than enforce_pqc and allowed_algos admit is refused, nothing more',
      }),
    );
  }
  return warnings;
}
