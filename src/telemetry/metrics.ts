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
  }[];
}

type Labels = Readonly<Record<string, string>>;

/** Counters since the process began, and gauges, as Prometheus reads them. */
export class Metrics implements Meter {
  readonly #calls = new Counter('postern_calls_total', 'Calls that have ended.');
  readonly #rejected = new Counter(
    'postern_requests_rejected_total',
    'HTTP requests that were refused before they were calls.',
  );
  readonly #shed = new Counter(
    'postern_calls_shed_total',
    'Calls that were refused because there was too much to do.',
  );

  call({ server, client, upstream, outcome }: CountedCall): void {
    this.#calls.add({
      server: server ?? '',
      client_era: client.era,
      client_revision: client.revision,
      upstream_era: upstream?.era ?? '',
      upstream_revision: upstream?.revision ?? '',
      outcome,
    });
  }

  rejected(listener: string, code: string): void {
    this.#rejected.add({ listener, code });
  }

  shed(limit: string): void {
    this.#shed.add({ limit });
  }

  /** The text exposition format, version 0.0.4. */
  text({ ready, callsInFlight, servers }: Gauges): string {
    const perServer = (key: 'sessions' | 'children' | 'connections'): readonly Sample[] =>
      servers.map(({ name, [key]: value }) => [labelsText({ server: name }), value]);
    return [
      this.#calls.text(),
      this.#rejected.text(),
      this.#shed.text(),
      gauge('postern_ready', 'Whether calls are taken.', [['', ready ? 1 : 0]]),
      gauge('postern_calls_in_flight', 'HTTP requests without a whole answer, streams included.', [
        ['', callsInFlight],
      ]),
      gauge('postern_sessions', 'Sessions that are open.', perServer('sessions')),
      gauge('postern_child_processes', 'Programs that run.', perServer('children')),
      gauge('postern_upstream_connections', 'Connections to servers.', perServer('connections')),
    ].join('');
  }
}

type Sample = readonly [labels: string, value: number];

class Counter {
  readonly #name: string;
  readonly #help: string;
  readonly #values = new Map<string, number>();

  constructor(name: string, help: string) {
    this.#name = name;
    this.#help = help;
  }

  add(labels: Labels): void {
    const key = labelsText(labels);
    this.#values.set(key, (this.#values.get(key) ?? 0) + 1);
  }

  text(): string {
    return family(this.#name, 'counter', this.#help, [...this.#values]);
  }
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
