import type { AllowedAlgorithms, LinkSecurity } from '#crypto';
import type { Access } from '#mcp';
import type { Matcher } from './glob.ts';

/** A policy as compiled from policy.yaml: immutable, and pure to evaluate. */
export interface Policy {
  /** `sha256:…` of the file's bytes; each record carries it. */
  readonly hash: string;
  /** The file's text, for those who have to read it themselves; `null` when it was not read from any. */
  readonly text: string | null;
  readonly links: LinkPolicy;
  readonly rules: readonly Rule[];
  /** Why every call is denied whatever the rules say, `null` when they decide. */
  readonly refusal: string | null;
}

/** What every link has to be, from `p2p_connectivity` and `threat_detection`. */
export interface LinkPolicy {
  /** Both hops must use a quantum-safe key exchange or not leave the machine. */
  readonly enforcePqc: boolean;
  readonly allowed: AllowedAlgorithms;
  readonly threatDetection: {
    readonly blockDowngradeAttempts: boolean;
    readonly alertOnLatencySpike: boolean;
  };
}

/** One rule: who, on which servers, may or may not touch what. */
export interface Rule {
  readonly id: string;
  readonly effect: 'allow' | 'deny';
  readonly principals: readonly PrincipalMatcher[];
  /** The rule is for callers alone whose tokens have all of these; `null` for any caller. */
  readonly scopes: readonly string[] | null;
  readonly servers: readonly Matcher[];
  /** What the rule covers; `null` means everything on the server. */
  readonly targets: RuleTargets | null;
}

/** Patterns by kind of thing; an absent kind is not covered. */
export type RuleTargets = Readonly<
  Record<'tool' | 'resource' | 'prompt' | 'method', readonly Matcher[]>
>;

/**
 * Matches a principal by name or SPIFFE id. `*` is every identified one; in a deny rule it is everybody.
 */
export type PrincipalMatcher = (principal: PolicyPrincipal) => boolean;

/** A caller as policy sees it. */
export interface PolicyPrincipal {
  readonly name: string;
  readonly spiffeId: string | null;
  readonly kind: 'certificate' | 'token' | 'anonymous';
  /** What its access token grants; absent without one. */
  readonly scopes?: ReadonlySet<string>;
}

/** Everything a decision depends on. */
export interface Subject {
  readonly principal: PolicyPrincipal;
  readonly server: string;
  readonly clientLink: LinkSecurity;
  readonly accesses: readonly Access[];
}

/** What was decided and by which rules. */
export interface Decision {
  readonly effect: 'allow' | 'deny';
  /** Ids of the deciding rules; empty when none matched or the link decided. */
  readonly rules: readonly string[];
  /** One sentence for the caller and the record. */
  readonly reason: string;
  /** With what a token like the caller's would need to be allowed, where it lacks scopes alone. */
  readonly neededScopes?: readonly string[];
}
