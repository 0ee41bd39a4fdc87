import type { UpstreamStats } from '#transport';
import type { WorkerReport } from './talk.ts';

/** What is under way in a gateway. */
export interface GatewayLoad {
  readonly callsInFlight: number;
  /** By name of the server. */
  readonly servers: ReadonlyMap<string, UpstreamStats>;
}

type Endpoints = UpstreamStats['endpoints'];

/** What is under way here and with the workers. */
export function loadOf(here: GatewayLoad, reports: readonly WorkerReport[]): GatewayLoad {
  const servers = [...here.servers].map(([name, stats]) => {
    const others = reports.flatMap((report) => report.servers.get(name) ?? []);
    return [name, others.reduce(sumOf, stats)] as const;
  });
  return {
    callsInFlight: reports.reduce((sum, report) => sum + report.callsInFlight, here.callsInFlight),
    servers: new Map(servers),
  };
}

function sumOf(one: UpstreamStats, other: UpstreamStats): UpstreamStats {
  const endpoints = togetherOf(one.endpoints, other.endpoints);
  const retries = (one.retries ?? 0) + (other.retries ?? 0);
  return {
    sessions: one.sessions + other.sessions,
    children: one.children + other.children,
    connections: one.connections + other.connections,
    ...(endpoints === undefined ? {} : { endpoints }),
    ...(one.retries === undefined ? {} : { retries }),
  };
}

/** An endpoint is as bad as it is for any worker. */
function togetherOf(one: Endpoints, other: Endpoints): Endpoints {
  return one?.map((endpoint) => {
    const there = other?.find((each) => each.endpoint === endpoint.endpoint);
    return there === undefined || there.state === 'up' ? endpoint : there;
  });
}
