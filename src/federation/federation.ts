import type { PosternError } from '#lib';
import type { Call, Caller, OwnExchange, OwnReply, ReplySink, Services } from '#pipeline';
import { answerHere, closedTo, identify, isWelcome, ownerName } from '#pipeline';
import type { Policy } from '#policy';
import { ToolSetUnknown } from './errors.ts';
import type { Federated, FederatedOptions } from './federated.ts';
import { createFederated, toolSetOf } from './federated.ts';
import { Listeners } from './listeners.ts';
import type { Member } from './members.ts';
import { Origins } from './origins.ts';
import { FederatedSessions } from './sessions.ts';
import { answerStateful } from './stateful.ts';
import { answerStateless } from './stateless.ts';
import type { ToolSet } from './tool-set.ts';
import type { Visit } from './visit.ts';

/**
 * Many servers behind one endpoint. It stands above the pipeline: each message of a client becomes
 * ordinary calls to members, each of which is authenticated, decided, recorded and filtered by itself.
 */
export class Federation {
  readonly #federated: Federated;
  readonly #sessions: FederatedSessions;
  readonly #listeners = new Listeners();
  /**
   * By token, else by link: what a policy says of them does not change; only their end is asked each
   * time.
   */
  readonly #open = new WeakMap<object, OpenTo>();

  constructor(options: FederatedOptions) {
    this.#federated = createFederated(options);
    this.#sessions = new FederatedSessions(this.#federated);
  }

  /** Whether a caller may use anything of the set. It permits nothing. */
  isWelcome(caller: Caller, set: string | null, policy: Policy, trustDomain: string): boolean {
    try {
      identify(caller, trustDomain, Date.now());
    } catch {
      return false;
    }
    return this.#membersFor(caller, set, policy, trustDomain).length > 0;
  }

  /**
   * Answers one exchange, and records what no member answers. Never throws.
   *
   * @param set name of the tool set, `null` for all there is.
   */
  run(
    call: Call,
    set: string | null,
    services: Services,
    sink: ReplySink,
    surroundings: Surroundings,
  ): Promise<void> {
    return answerHere(call, services, sink, async (exchange) => {
      const visit = this.#visit(call, set, services, exchange, surroundings);
      return this.#answer(visit, exchange);
    });
  }

  close(): void {
    this.#sessions.close();
  }

  /** @throws ToolSetUnknown, EndpointDenied */
  #visit(
    call: Call,
    set: string | null,
    services: Services,
    { caller }: OwnExchange,
    surroundings: Surroundings,
  ): Visit {
    const toolSet = toolSetOf(this.#federated, set);
    if (toolSet === undefined) throw new ToolSetUnknown(`no tool set is called "${set ?? ''}"`);
    const { policy, trustDomain } = services;
    const members = this.#membersFor(call, set, policy, trustDomain);
    if (members.length === 0) throw this.#closedTo(call, toolSet, services);
    const owner = ownerName(caller, call.source);
    const origins = new Origins(surroundings.current);
    return { call, services, owner, set: toolSet, members, origins, ...surroundings };
  }

  #closedTo(call: Call, set: ToolSet, { policy, trustDomain }: Services): PosternError {
    const members = this.#federated.members.all.filter((member) => set.hasServer(member));
    const servers = members.map(({ server }) => server);
    return closedTo(call, servers, policy, trustDomain);
  }

  #answer(visit: Visit, exchange: OwnExchange): Promise<OwnReply | null> {
    return visit.call.revision.era === 'stateful'
      ? answerStateful(visit, exchange, this.#federated, this.#sessions)
      : answerStateless(visit, exchange, this.#federated, this.#listeners);
  }

  /** The servers of a set that a caller may use; the same for every call of its over one link. */
  #membersFor(
    caller: Caller,
    set: string | null,
    policy: Policy,
    trustDomain: string,
  ): readonly Member[] {
    const { clientLink, token } = caller;
    const known = this.#open.get(token ?? clientLink);
    const isSame = known?.policy === policy && known.clientLink === clientLink;
    const open: OpenTo = isSame ? known : { policy, clientLink, members: new Map() };
    if (open !== known) this.#open.set(token ?? clientLink, open);
    const before = open.members.get(set);
    if (before !== undefined) return before;
    const toolSet = toolSetOf(this.#federated, set);
    if (toolSet === undefined) return [];
    const members = this.#federated.members.all.filter(
      (member) =>
        toolSet.hasServer(member) && isWelcome(caller, member.server, policy, trustDomain),
    );
    open.members.set(set, members);
    return members;
  }
}

type Surroundings = Pick<Visit, 'current' | 'lasting'>;

/** What a caller may use under one policy and over one link, by set. */
interface OpenTo {
  readonly policy: Policy;
  readonly clientLink: Caller['clientLink'];
  readonly members: Map<string | null, readonly Member[]>;
}
