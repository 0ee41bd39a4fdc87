import type { Access } from '#mcp';
import { linkRefusal } from './link.ts';
import type { Decision, Policy, Rule, Subject } from './model.ts';
import { uriReadings, withoutQuery } from './uri.ts';

/**
 * Decides one message. Every link and every access has to pass: a weak link denies; else a matching
 * deny rule wins over any allow rule, wherever it stands; else a matching allow rule allows; else
 * the answer is deny.
 */
export function decide(policy: Policy, subject: Subject): Decision {
  const decision = judge(policy, subject);
  const { principal } = subject;
  // Only callers whose tokens have scopes can be told which others they lack.
  if (decision.effect === 'allow' || principal.scopes === undefined) return decision;
  return withNeeds(decision, policy, subject);
}

function judge(policy: Policy, subject: Subject): Decision {
  if (policy.refusal !== null) return deny([], policy.refusal);
  const weak = linkRefusal(policy.links, subject.clientLink);
  if (weak !== null) return { effect: 'deny', rules: [], reason: `client link: ${weak}` };
  const candidates = rulesFor(policy, subject);
  const allowing = new Set<string>();
  for (const access of subject.accesses) {
    const decision = decideAccess(candidates, access);
    if (decision.effect === 'deny') return decision;
    for (const rule of decision.rules) allowing.add(rule);
  }
  if (allowing.size === 0) return deny([], 'nothing was asked for');
  return { effect: 'allow', rules: [...allowing], reason: 'allowed by rule' };
}

/** Whether this caller may see one item of a list; the same rules as for using it. */
export function isVisible(
  policy: Policy,
  subject: Omit<Subject, 'accesses'>,
  item: Access,
): boolean {
  return judge(policy, { ...subject, accesses: [item] }).effect === 'allow';
}

/** Whether this caller may use anything on the server at all. */
export function mayReach(policy: Policy, subject: Omit<Subject, 'accesses'>): boolean {
  return isVisible(policy, subject, { kind: 'server' });
}

/** Whether this caller may use whatever there is on the server, so that it need not be known what. */
export function mayUseAll(policy: Policy, subject: Omit<Subject, 'accesses'>): boolean {
  const candidates = rulesFor(policy, subject);
  return (
    mayReach(policy, subject) &&
    candidates.every(({ effect }) => effect === 'allow') &&
    candidates.some(({ targets }) => targets === null)
  );
}

function rulesFor(policy: Policy, subject: Omit<Subject, 'accesses'>): readonly Rule[] {
  return policy.rules.filter((rule) => isFor(rule, subject) && hasScopes(rule, subject));
}

function isFor(rule: Rule, { principal, server }: Omit<Subject, 'accesses'>): boolean {
  return (
    rule.principals.some((matches) => matches(principal)) &&
    rule.servers.some((matches) => matches(server))
  );
}

function hasScopes({ scopes }: Rule, { principal }: Omit<Subject, 'accesses'>): boolean {
  return scopes === null || scopes.every((scope) => principal.scopes?.has(scope) === true);
}

/** Tells with a denial which scopes would make up for it (RFC 6750 §3.1, `insufficient_scope`). */
function withNeeds(denial: Decision, policy: Policy, subject: Subject): Decision {
  const { principal, accesses } = subject;
  const needed = new Set(accesses.flatMap((access) => leastFor(access, policy, subject)));
  const scopes = new Set([...(principal.scopes ?? []), ...needed]);
  const granted = { ...subject, principal: { ...principal, scopes } };
  if (judge(policy, granted).effect === 'deny') return denial;
  const reason = `${denial.reason} without the scopes ${[...needed].join(' ')}`;
  return { ...denial, reason, neededScopes: [...needed] };
}

/** The scopes of the rule for an access that needs the fewest beyond those that are there. */
function leastFor(access: Access, { rules }: Policy, subject: Subject): readonly string[] {
  const lacking = ({ scopes }: Rule): number =>
    (scopes ?? []).filter((scope) => subject.principal.scopes?.has(scope) !== true).length;
  const readings = readingsOf(access);
  const [least] = rules
    .filter(
      (rule) => rule.effect === 'allow' && isFor(rule, subject) && covers(rule, access, readings),
    )
    .toSorted((one, other) => lacking(one) - lacking(other));
  return least?.scopes ?? [];
}

function decideAccess(candidates: readonly Rule[], access: Access): Decision {
  const readings = readingsOf(access);
  const covering = candidates.filter((rule) => covers(rule, access, readings));
  const denying = covering.filter((rule) => rule.effect === 'deny');
  if (denying.length > 0) return deny(ids(denying), `${nameOf(access)} is denied by rule`);
  if (covering.length === 0) return deny([], `no rule allows ${nameOf(access)}`);
  return { effect: 'allow', rules: ids(covering), reason: 'allowed by rule' };
}

/** What an access may mean to a server: to be allowed every reading must pass, to be denied one. */
interface Readings {
  readonly toAllow: readonly string[];
  readonly toDeny: readonly string[];
}

function readingsOf(access: Access): Readings {
  if (access.kind === 'server') return { toAllow: [], toDeny: [] };
  if (access.kind !== 'resource') return { toAllow: [access.name], toDeny: [access.name] };
  const toAllow = uriReadings(access.name);
  return { toAllow, toDeny: [...toAllow, ...toAllow.map(withoutQuery)] };
}

function covers(rule: Rule, access: Access, { toAllow, toDeny }: Readings): boolean {
  if (access.kind === 'server') {
    // Any allow rule opens the protocol; only a deny rule for the whole server closes it.
    return rule.effect === 'allow' || rule.targets === null;
  }
  if (rule.targets === null) {
    // Methods that no revision defines are never allowed by the way.
    return access.kind !== 'method' || access.known || rule.effect === 'deny';
  }
  const matchers = rule.targets[access.kind];
  const matched = (name: string): boolean => matchers.some((matches) => matches(name));
  return rule.effect === 'deny' ? toDeny.some(matched) : toAllow.every(matched);
}

function deny(rules: readonly string[], reason: string): Decision {
  return { effect: 'deny', rules, reason };
}

function ids(rules: readonly Rule[]): readonly string[] {
  return rules.map((rule) => rule.id);
}

function nameOf(access: Access): string {
  if (access.kind === 'server') return 'this server';
  // Quoted as JSON, so that a name cannot pass for more of the sentence, nor of a log line.
  return `${access.kind} ${JSON.stringify(access.name.slice(0, 200))}`;
}
