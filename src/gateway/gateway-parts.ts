import type { AddressInfo } from 'node:net';
import type { EnrolmentDesk, GatewayIdentity } from '#identity';
import type { Policy } from '#policy';
import type { ListenerReport } from './listener.ts';
import type { Rollout } from './rollout.ts';
import type { ServingParts } from './serving.ts';
import type { TlsConfiguration } from './tls-state.ts';
import type { Crew } from './workers/crew.ts';

/** What a gateway is made of; the composition root builds the parts. */
export interface GatewayParts extends Omit<ServingParts, 'trustDomain' | 'enrolment'> {
  readonly identity: GatewayIdentity;
  /** What is configured for those with TLS. */
  readonly tls: TlsConfiguration;
  readonly policyFile: string | null;
  /** In force without a file, when the command line itself says what is allowed. */
  readonly fixedPolicy: Policy | null;
  /** The threads that have the listeners' ports; `null` when this one has them. */
  readonly crew: Crew | null;
  /** Issues certificates to clients. */
  readonly desk: EnrolmentDesk;
  /** Called when another policy is in force, so that links made under the old one are given up. */
  readonly onPolicyChange: () => void;
  /** Where rollouts are remembered. */
  readonly rolloutFile: string;
}

/** An open listener, for people. */
export interface OpenListener {
  readonly name: string;
  readonly scheme: 'https' | 'http';
  readonly address: AddressInfo;
}

/** What a listener's connections are and what is being tried out on it. */
export interface ListenerStatus {
  readonly name: string;
  readonly configuredProfile: string;
  readonly report: ListenerReport;
  readonly rollout: Rollout | null;
}
