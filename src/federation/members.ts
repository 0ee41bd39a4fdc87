import type { FederationSettings, ServerSettings } from '#config';
import { schemeOf } from '#config';

/** One server behind the shared endpoint. */
export interface Member {
  /** Its name in configuration, policy and record. */
  readonly server: string;
  readonly alias: string;
  /** What its tools' and prompts' names begin with. */
  readonly prefix: string;
  /** What its resources' URIs begin with. */
  readonly scheme: string;
}

/** Every server behind the shared endpoint. */
export class Members {
  readonly separator: string;
  readonly all: readonly Member[];
  readonly #byServer: ReadonlyMap<string, Member>;

  constructor(
    servers: readonly Pick<ServerSettings, 'name' | 'alias' | 'federated'>[],
    { separator }: Pick<FederationSettings, 'separator'>,
  ) {
    this.separator = separator;
    this.all = servers
      .filter(({ federated }) => federated)
      .map(({ name, alias }) => ({
        server: name,
        alias,
        prefix: alias + separator,
        scheme: schemeOf(alias),
      }));
    this.#byServer = new Map(this.all.map((member) => [member.server, member]));
  }

  named(server: string): Member | undefined {
    return this.#byServer.get(server);
  }
}
