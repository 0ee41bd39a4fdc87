import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** What an IP address is for, as the registries of special-purpose addresses say (RFC 6890). */
export type AddressKind =
  | 'public'
  /** RFC 1918, unique local (RFC 4193), site-local, and shared with a carrier (RFC 6598). */
  | 'private'
  | 'loopback'
  | 'link-local'
  /** Where clouds hand out the credentials of a machine. */
  | 'metadata'
  | 'unspecified'
  | 'multicast'
  | 'broadcast'
  /** For documentation, benchmarks, the future, and other ends than traffic. */
  | 'reserved';

/** The first that fits counts. */
const RANGES: readonly (readonly [AddressKind, readonly string[]])[] = [
  [
    'metadata',
    [
      '169.254.169.254/32', // AWS, Azure, Google, Oracle, DigitalOcean, OpenStack
      '169.254.170.2/32', // AWS, containers
      '169.254.170.23/32', // AWS, pods
      '169.254.0.23/32', // Tencent
      '100.100.100.200/32', // Alibaba
      '168.63.129.16/32', // Azure, the host itself
      '192.0.0.192/32', // Oracle, earlier
      'fd00:ec2::254/128', // AWS
      'fd00:ec2::23/128', // AWS, pods
      'fd20:ce::254/128', // Google
      'fd00:c1::a9fe:a9fe/128', // Oracle
      'fd00:42::42/128', // Scaleway
      'fe80::a9fe:a9fe/128', // OpenStack
    ],
  ],
  ['broadcast', ['255.255.255.255/32']],
  ['unspecified', ['0.0.0.0/8', '::/128']],
  ['loopback', ['127.0.0.0/8', '::1/128']],
  ['link-local', ['169.254.0.0/16', 'fe80::/10']],
  ['private', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10']],
  ['private', ['fc00::/7', 'fec0::/10', '64:ff9b:1::/48']],
  ['multicast', ['224.0.0.0/4', 'ff00::/8']],
  ['reserved', ['192.0.0.0/24', '192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24']],
  ['reserved', ['192.88.99.0/24', '198.18.0.0/15', '240.0.0.0/4']],
  ['reserved', ['2001:2::/48', '2001:10::/28', '2001:20::/28', '2001:db8::/32', '3fff::/20']],
  ['public', ['0.0.0.0/0', '2000::/3']],
];

const LISTS = RANGES.map(([kind, ranges]) => [kind, blockList(ranges)] as const);

/**
 * What an address is for. One that stands for an IPv4 address, or leads through a tunnel to one, is of
 * that one's kind, unless that is public.
 *
 * @param address IPv4 with four decimal numbers, or IPv6 without brackets.
 * @throws TypeError for anything else.
 */
export function kindOfAddress(address: string): AddressKind {
  if (isIPv4(address)) return kindIn(address, 'ipv4');
  if (!isIPv6(address)) throw new TypeError('this is no IP address');
  const bare = address.replace(/%.*$/, '');
  const groups = groupsOf(bare);
  const inner = embeddedIn(groups).map((inside) => kindIn(inside, 'ipv4'));
  const worst = inner.find((kind) => kind !== 'public');
  if (worst !== undefined) return worst;
  return isIpv4Written(groups) ? 'public' : kindIn(bare, 'ipv6');
}

function kindIn(address: string, family: 'ipv4' | 'ipv6'): AddressKind {
  return LISTS.find(([, list]) => list.check(address, family))?.[0] ?? 'reserved';
}

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [net = '', length] = range.split('/');
    list.addSubnet(net, Number(length), isIPv4(net) ? 'ipv4' : 'ipv6');
  }
  return list;
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): readonly number[] {
  const [front = [], back = []] = address.split('::').map(groupsIn);
  const gap = 8 - front.length - back.length;
  return [...front, ...Array<number>(gap).fill(0), ...back];
}

function groupsIn(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return Number.parseInt(group, 16);
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}

/** `::ffff:a.b.c.d` (RFC 4291), `::ffff:0:a.b.c.d` (RFC 2765), `64:ff9b::a.b.c.d` (RFC 6052). */
function isIpv4Written(groups: readonly number[]): boolean {
  const prefix = groups
    .slice(0, 6)
    .map((group) => group.toString(16))
    .join(':');
  return ['0:0:0:0:0:ffff', '0:0:0:0:ffff:0', '64:ff9b:0:0:0:0'].includes(prefix);
}

/** Every IPv4 address to which a packet for the address may go in the end. */
function embeddedIn(groups: readonly number[]): readonly string[] {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = groups;
  const last = ipv4Of(g, h);
  const isCompatible = groups.slice(0, 6).every((group) => group === 0) && g !== 0;
  if (isCompatible || isIpv4Written(groups)) return [last];
  // 6to4 (RFC 3056), Teredo (RFC 4380: the server, and the client with its bits turned round).
  if (a === 0x20_02) return [ipv4Of(b, c)];
  if (a === 0x20_01 && b === 0) return [ipv4Of(c, d), ipv4Of(g ^ 0xff_ff, h ^ 0xff_ff)];
  // A site's own NAT64 (RFC 8215), with a prefix of 96 bits or of 48; the other one reads zeros.
  if (a === 0x64 && b === 0xff_9b && c === 1) {
    const short = ipv4Of(d, ((e & 0xff) << 8) | (f >> 8));
    return [last, short].filter((address) => address !== '0.0.0.0');
  }
  // ISATAP (RFC 5214), below any prefix.
  return (e & 0xfd_ff) === 0 && f === 0x5e_fe ? [last] : [];
}

function ipv4Of(high: number, low: number): string {
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}
