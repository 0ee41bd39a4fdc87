import type { AddressInfo } from 'node:net';
import type { Recorder } from '#audit';
import type { ListenerSettings } from '#config';
import type { PeerCertificate, Sealer } from '#crypto';
import type { FederatedOptions } from '#federation';
import type { EnrolmentDesk, GatewayIdentity } from '#identity';
import type { EventSink, Limits, Meter } from '#lib';
import type { TokenVerifier } from '#oauth';
import type { Policy } from '#policy';
import type { Upstream } from '#transport';
import type { ListenerReport } from './listener.ts';
import type { Rollout } from './rollout.ts';
import type { TlsConfiguration } from './tls-state.ts';

/** What a gateway is made of; the composition root builds the parts. */
export interface GatewayParts {
  readonly identity: GatewayIdentity;
  readonly listeners: readonly ListenerSettings[];
  /** What verifies the tokens of those that take some, by name of the listener. */
  readonly verifiers: ReadonlyMap<string, TokenVerifier>;
  /** What is configured for those with TLS. */
  readonly tls: TlsConfiguration;
  readonly policyFile: string | null;
  /** In force without a file, when the command line itself says what is allowed. */
  readonly fixedPolicy: Policy | null;
  readonly recorder: Recorder;
  /** Seals the ids of sessions. */
  readonly sealer: () => Sealer;
  /** Names this process in them. */
  readonly instance: string;
  /** Why a client's certificate is refused although it verifies, `null` when it is not. */
  readonly refusesPeer: (peer: PeerCertificate) => string | null;
  /** Issues certificates to clients. */
  readonly desk: EnrolmentDesk;
  readonly limits: Limits;
  readonly events: EventSink;
  readonly meter: Meter;
  /** The servers behind the gateway; it closes them when it stops. */
  readonly upstreams: readonly Upstream[];
  /** How they are behind one endpoint. */
  readonly federation: Pick<FederatedOptions, 'servers' | 'federation' | 'version'>;
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
