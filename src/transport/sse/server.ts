import type { LinkSecurity } from '#crypto';
import type { EventSink, Limits, PosternError } from '#lib';
import type { Channel, ChannelHandlers, ChannelSource, ServerContext } from '../duplex/channel.ts';
import { UpstreamLinkRefused, UpstreamUnavailable } from '../errors.ts';
import type { HttpUpstreamOptions } from '../http/courier.ts';
import { Courier } from '../http/courier.ts';
import { SseChannel } from './channel.ts';

/** One HTTP+SSE server, and the channels to it. */
export class SseServer implements ServerContext, ChannelSource {
  readonly name: string;
  readonly limits: Limits;
  readonly events: EventSink;
  readonly courier: Courier;
  readonly #acceptLink: HttpUpstreamOptions['acceptLink'];
  readonly #channels = new Set<SseChannel>();
  #closed = false;

  /** @throws TypeError when a URL and `tls` do not go together. */
  constructor(options: HttpUpstreamOptions) {
    this.name = options.name;
    this.limits = options.limits;
    this.events = options.events;
    this.courier = new Courier(options);
    this.#acceptLink = options.acceptLink;
  }

  /** @throws UpstreamUnavailable after `close`, UpstreamCredentialUnavailable. */
  check(): void {
    if (this.#closed) throw new UpstreamUnavailable(`"${this.name}" is being shut down`);
    this.courier.checkCredentials();
  }

  open(principal: string, handlers: ChannelHandlers): Channel {
    const channel = new SseChannel(this, principal, {
      ...handlers,
      onClosed: (error) => {
        this.#tell(error);
        handlers.onClosed(error);
      },
    });
    this.#channels.add(channel);
    void channel.done.then(() => this.#channels.delete(channel));
    return channel;
  }

  /**
   * Lets new exchanges use new connections alone. Streams live as long as their sessions: those whose
   * link the policy does not accept any more end now.
   */
  recycle(): void {
    this.courier.recycle();
    for (const channel of this.#channels) {
      const reason = refusalOf(channel.link, this.#acceptLink);
      if (reason === null) continue;
      channel.refuse(new UpstreamLinkRefused(`${channel.host}: ${reason}`));
    }
  }

  /** Ends every connection; resolves when all are closed. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#channels].map((channel) => channel.stop()));
    await this.courier.close();
  }

  #tell(error: PosternError): void {
    this.events({
      severity: 'warn',
      name: 'upstream.ended',
      message: `a session of "${this.name}" was lost: ${error.message}`,
      fields: { server: this.name, code: error.code },
    });
  }
}

function refusalOf(
  link: LinkSecurity | null,
  accept: HttpUpstreamOptions['acceptLink'],
): string | null {
  return link === null ? null : accept(link);
}
