import type { Meter } from '#lib';

type CountedCall = Parameters<Meter['call']>[0];

/** What is so at the moment that somebody asks. */
export interface Gauges {
  readonly ready: boolean;
  readonly callsInFlight: number;
  readonly servers: readonly {
    readonly name: string;
    readonly sessions: number;
    readonly children: number;
    readonly connections: number;
    readonly retries?: number;
    readonly endpoints?: readonly { readonly endpoint: string; readonly state: string }[];
  }[];
}

/** Counts as they pass from one thread to another. */
export interface Counts {
  readonly calls: readonly Count[];
  readonly rejected: readonly Count[];
  readonly shed: readonly Count[];
}

type Labels = Readonly<Record<string, string>>;

/** Counters since the process began, and gauges, as Prometheus reads them. */
export class Metrics implements Meter {
  readonly #calls = new Counter('postern_calls_total', 'Calls that have ended.', [
    'server',
    'client_era',
    'client_revision',
    'upstream_era',
    'upstream_revision',
    'outcome',
  ]);
  readonly #rejected = new Counter(
    'postern_requests_rejected_total',
    'HTTP requests that were refused before they were calls.',
    ['listener', 'code'],
  );
  readonly #shed = new Counter(
    'postern_calls_shed_total',
    'Calls that were refused because there was too much to do.',
    ['limit'],
  );

  call({ server, client, upstream, outcome }: CountedCall): void {
    this.#calls.add([
      server ?? '',
      client.era,
      client.revision,
      upstream?.era ?? '',
      upstream?.revision ?? '',
      outcome,
    ]);
  }

  rejected(listener: string, code: string): void {
    this.#rejected.add([listener, code]);
  }

  shed(limit: string): void {
    this.#shed.add([limit]);
  }

  /** What was counted since this was last asked. */
  take(): Counts {
    return { calls: this.#calls.take(), rejected: this.#rejected.take(), shed: this.#shed.take() };
  }

  /** Counts what another thread has counted. */
  add({ calls, rejected, shed }: Counts): void {
    this.#calls.addAll(calls);
    this.#rejected.addAll(rejected);
    this.#shed.addAll(shed);
  }

  /** The text exposition format, version 0.0.4. */
  text({ ready, callsInFlight, servers }: Gauges): string {
    const perServer = (key: 'sessions' | 'children' | 'connections'): readonly Sample[] =>
      servers.map(({ name, [key]: value }) => [labelsText({ server: name }), value]);
    return [
      this.#calls.text(),
      this.#rejected.text(),
      family(
        'postern_upstream_retries_total',
        'counter',
        'Exchanges with servers that were tried again.',
        servers.flatMap(({ name, retries }): readonly Sample[] =>
          retries === undefined ? [] : [[labelsText({ server: name }), retries]],
        ),
      ),
      this.#shed.text(),
      gauge('postern_ready', 'Whether calls are taken.', [['', ready ? 1 : 0]]),
      gauge('postern_calls_in_flight', 'HTTP requests without a whole answer, streams included.', [
        ['', callsInFlight],
      ]),
      gauge('postern_sessions', 'Sessions that are open.', perServer('sessions')),
      gauge('postern_child_processes', 'Programs that run.', perServer('children')),
      gauge('postern_upstream_connections', 'Connections to servers.', perServer('connections')),
      gauge(
        'postern_upstream_endpoint_up',
        'Whether calls go to an endpoint; 0 after failures.',
        servers.flatMap(({ name, endpoints = [] }) =>
          endpoints.map(({ endpoint, state }): Sample => [
            labelsText({ server: name, endpoint }),
            state === 'up' ? 1 : 0,
          ]),
        ),
      ),
    ].join('');
  }
}

type Sample = readonly [labels: string, value: number];

class Counter {
  readonly #name: string;
  readonly #help: string;
  readonly #labels: readonly string[];
  /** By the values of the labels, which are written out when somebody asks. */
  readonly #counts = new Map<string, Count>();

  constructor(name: string, help: string, labels: readonly string[]) {
    this.#name = name;
    this.#help = help;
    this.#labels = labels;
  }

  /** @param values of the labels, in their order. */
  add(values: readonly string[], count = 1): void {
    const key = values.join('\0');
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { values, count });
    else known.count += count;
  }

  addAll(counts: readonly Count[]): void {
    for (const { values, count } of counts) this.add(values, count);
  }

  /** All counts, which begin anew. */
  take(): readonly Count[] {
    const counts = [...this.#counts.values()];
    this.#counts.clear();
    return counts;
  }

  text(): string {
    const samples = [...this.#counts.values()].map(({ values, count }): Sample => {
      const labels = this.#labels.map((name, index) => [name, values[index] ?? ''] as const);
      return [labelsText(Object.fromEntries(labels)), count];
    });
    return family(this.#name, 'counter', this.#help, samples);
  }
}

interface Count {
  readonly values: readonly string[];
  count: number;
}

function gauge(name: string, help: string, samples: readonly Sample[]): string {
  return family(name, 'gauge', help, samples);
}

function family(name: string, type: string, help: string, samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value]) => `${name}${labels} ${value}`);
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ''].join('\n');
}

function labelsText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replace(/["\\\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));
}
