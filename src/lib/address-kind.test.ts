import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AddressKind } from './address-kind.ts';
import { kindOfAddress } from './address-kind.ts';

const KNOWN: Readonly<Record<AddressKind, string>> = {
  public: `
    1.1.1.1 8.8.8.8 11.0.0.0 172.15.255.255 172.32.0.0 100.63.255.255 100.128.0.0
    169.253.255.255 223.255.255.255 2606:4700::1111 2a00:: ::ffff:8.8.8.8 64:ff9b::808:808
    2002:808:808::1 ::ffff:0:8.8.8.8
  `,
  private: `
    10.0.0.0 10.255.255.255 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.0 100.127.255.255
    fc00::1 fdff:ffff::1 fec0::1 ::ffff:10.1.2.3 ::FFFF:C0A8:0101 64:ff9b::192.168.0.1
    64:ff9b:1::808:808 2002:c0a8:0101:: 2001:0:a00:1:: ::10.0.0.1 2a00::5efe:10.0.0.1
  `,
  loopback: `
    127.0.0.1 127.255.255.255 ::1 0:0:0:0:0:0:0:1 ::ffff:127.0.0.1 ::ffff:7f00:1 ::127.0.0.1
    64:ff9b::7f00:1 2002:7f00:1:: 2002:7f00:1::1 2001:0:808:808:0:0:80ff:fffe
    2001:0:7f00:1:: ::ffff:0:127.0.0.1 64:ff9b:1:7f00:0:100:: 64:ff9b:1::7f00:1
    2a00::200:5efe:127.0.0.1
  `,
  'link-local': `
    169.254.0.1 169.254.255.255 fe80::1 fe80::1%eth0 febf::1 ::ffff:169.254.1.1
    2002:a9fe:101::
  `,
  metadata: `
    169.254.169.254 100.100.100.200 168.63.129.16 fd00:ec2::254 FD00:0EC2:0::0254
    fd20:ce::254 ::ffff:169.254.169.254 ::ffff:a9fe:a9fe 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::
    fe80::a9fe:a9fe fe80::a9fe:a9fe%2 fe80::5efe:169.254.169.254 169.254.170.2
    ::169.254.169.254
  `,
  unspecified: `
    0.0.0.0 0.1.2.3 :: 0::0 ::ffff:0.0.0.0 64:ff9b:: 2002::
  `,
  multicast: `
    224.0.0.1 239.255.255.255 ff02::1 ff00:: ::ffff:224.0.0.1
  `,
  broadcast: `
    255.255.255.255 ::ffff:255.255.255.255 64:ff9b::ffff:ffff
  `,
  reserved: `
    192.0.2.1 198.51.100.7 203.0.113.9 198.18.0.1 198.19.255.255 240.0.0.1 254.1.2.3
    2001:db8::1 3fff::1 4000::1 100::1 ::2 5f00::1 ::ffff
  `,
};

test('what addresses are for, in every way to write them', () => {
  for (const [kind, addresses] of Object.entries(KNOWN)) {
    for (const address of addresses.trim().split(/\s+/))
      assert.equal(kindOfAddress(address), kind, address);
  }
});

test('what is no address has no kind', () => {
  for (const text of ['', 'localhost', '127.1', '0177.0.0.1', '2130706433', '[::1]', '1.2.3.4/8']) {
    assert.throws(() => kindOfAddress(text), TypeError);
  }
});

test('an IPv4 address that is not public is no more so inside an IPv6 one', () => {
  const byte = fc.integer({ min: 0, max: 255 });
  fc.assert(
    fc.property(fc.tuple(byte, byte, byte, byte), (bytes) => {
      const address = bytes.join('.');
      const kind = kindOfAddress(address);
      const [a, b, c, d] = bytes.map((each) => each.toString(16).padStart(2, '0'));
      for (const written of [
        `::ffff:${address}`,
        `::ffff:${a}${b}:${c}${d}`,
        `64:ff9b::${address}`,
      ]) {
        assert.equal(kindOfAddress(written), kind, written);
      }
      if (kind === 'public') return;
      assert.equal(kindOfAddress(`2002:${a}${b}:${c}${d}::1`), kind);
      assert.equal(kindOfAddress(`2001:0:${a}${b}:${c}${d}::1`), kind);
    }),
  );
});

test('every IPv6 address has a kind, whichever way it is written', () => {
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
      assert.equal(kindOfAddress(address), kindOfAddress(canonical));
    }),
  );
});
