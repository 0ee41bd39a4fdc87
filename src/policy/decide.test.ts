import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LinkSecurity } from '#crypto';
import { cipherByName, groupByName, signatureByName } from '#crypto';
import type { Access } from '#mcp';
import { compilePolicy } from './compile.ts';
import { decide, isVisible, mayReach } from './decide.ts';
import type { Subject } from './model.ts';
import type { PolicyYaml } from './schema.ts';

function link(group: string, signature = 'ML-DSA-65'): LinkSecurity {
  return {
    kind: 'tls',
    protocol: 'TLSv1.3',
    cipher: cipherByName('TLS_AES_256_GCM_SHA384') ?? assert.fail('no cipher'),
    group: groupByName(group) ?? assert.fail(`no group ${group}`),
    localSignature: signatureByName(signature) ?? assert.fail(`no signature ${signature}`),
    peerSignature: null,
    secondPeerSignature: null,
    resumed: false,
    peer: null,
    handshakeMs: 1,
    offer: null,
    downgrades: [],
  };
}

const alice = { name: 'alice', spiffeId: 'spiffe://d/client/alice', kind: 'certificate' } as const;
const anonymous = { name: 'anonymous', spiffeId: null, kind: 'anonymous' } as const;
const subject = { principal: alice, server: 'files', clientLink: link('X25519MLKEM768') };
const tool = (name: string): Access => ({ kind: 'tool', name });

function effect(written: PolicyYaml, accesses: Access[], change: Partial<Subject> = {}): string {
  return decide(compilePolicy(written, 'h'), { ...subject, ...change, accesses }).effect;
}

test('R-11 denies what no rule allows, and everything when there are no rules', () => {
  assert.equal(effect({}, [tool('read')]), 'deny');
  assert.equal(effect({ rules: [{ effect: 'allow', tools: ['read'] }] }, [tool('write')]), 'deny');
  assert.equal(effect({ rules: [{ effect: 'allow', tools: ['read'] }] }, [tool('read')]), 'allow');
  assert.equal(effect({ rules: [{ effect: 'allow' }] }, []), 'deny');
});

test('R-11 lets a deny win over any allow, wherever it stands', () => {
  const allow = { effect: 'allow' } as const;
  const deny = { id: 'no', effect: 'deny', tools: ['write*'] } as const;
  for (const rules of [
    [allow, deny],
    [deny, allow],
  ]) {
    const written = { rules: structuredClone(rules) } as PolicyYaml;
    assert.equal(effect(written, [tool('write_file')]), 'deny');
    assert.equal(effect(written, [tool('read_file')]), 'allow');
  }
});

test('R-11 needs every access of a message to be allowed', () => {
  const written: PolicyYaml = { rules: [{ effect: 'allow', resources: ['file:///a/*'] }] };
  const a: Access = { kind: 'resource', name: 'file:///a/1' };
  const b: Access = { kind: 'resource', name: 'file:///b/1' };
  assert.equal(effect(written, [{ kind: 'server' }, a]), 'allow');
  assert.equal(effect(written, [{ kind: 'server' }, a, b]), 'deny');
});

test('R-18 keeps callers without a certificate out unless a rule names them', () => {
  const change = { principal: anonymous };
  assert.equal(effect({ rules: [{ effect: 'allow' }] }, [tool('x')], change), 'deny');
  assert.equal(
    effect({ rules: [{ effect: 'allow', principals: ['*'] }] }, [tool('x')], change),
    'deny',
  );
  const named: PolicyYaml = { rules: [{ effect: 'allow', principals: ['anonymous'] }] };
  assert.equal(effect(named, [tool('x')], change), 'allow');
  assert.equal(effect(named, [tool('x')]), 'deny');
  const impostor = { principal: { ...alice, name: 'anonymous' } };
  assert.equal(effect(named, [tool('x')], impostor), 'deny');
  const bySpiffe: PolicyYaml = {
    rules: [{ effect: 'allow', principals: ['spiffe://d/client/*'] }],
  };
  assert.equal(effect(bySpiffe, [tool('x')]), 'allow');
});

test('R-18 opens a server to whom any of its rules allows something, no other', () => {
  const written: PolicyYaml = { rules: [{ effect: 'allow', servers: ['files'], tools: ['read'] }] };
  const policy = compilePolicy(written, 'h');
  assert.equal(mayReach(policy, subject), true);
  assert.equal(mayReach(policy, { ...subject, server: 'mail' }), false);
  const closed = compilePolicy({ rules: [...(written.rules ?? []), { effect: 'deny' }] }, 'h');
  assert.equal(mayReach(closed, subject), false);
});

test('denies methods that no revision defines unless a rule names them', () => {
  const method: Access = { kind: 'method', name: 'x/evil', known: false };
  assert.equal(effect({ rules: [{ effect: 'allow' }] }, [method]), 'deny');
  assert.equal(effect({ rules: [{ effect: 'allow', methods: ['x/*'] }] }, [method]), 'allow');
});

test('R-18 tasks need a rule for the whole server, or one that names them', () => {
  const list: Access = { kind: 'method', name: 'tasks/list', known: true };
  assert.equal(effect({ rules: [{ effect: 'allow' }] }, [list]), 'allow');
  assert.equal(effect({ rules: [{ effect: 'allow', tools: ['*'] }] }, [list]), 'deny');
  assert.equal(effect({ rules: [{ effect: 'allow', methods: ['tasks/*'] }] }, [list]), 'allow');
});

test('R-18 a deny rule without principals spares nobody', () => {
  const rules: PolicyYaml['rules'] = [
    { effect: 'allow', principals: ['anonymous', '*'] },
    { effect: 'deny', tools: ['delete_*'] },
  ];
  for (const principal of [alice, anonymous]) {
    assert.equal(effect({ rules }, [tool('delete_all')], { principal }), 'deny');
    assert.equal(effect({ rules }, [tool('read')], { principal }), 'allow');
  }
});

test('R-17 judges a URI by its normal form too', () => {
  const resource = (name: string): Access => ({ kind: 'resource', name });
  const allow: PolicyYaml = { rules: [{ effect: 'allow', resources: ['file:///pub/*'] }] };
  assert.equal(effect(allow, [resource('file:///pub/a')]), 'allow');
  assert.equal(effect(allow, [resource('file:///pub/../etc/shadow')]), 'deny');
  const deny: PolicyYaml = {
    rules: [{ effect: 'allow' }, { effect: 'deny', resources: ['file:///etc/*'] }],
  };
  assert.equal(effect(deny, [resource('file:///pub/../etc/shadow')]), 'deny');
  const spellings = [
    'FILE:///etc/shadow',
    'file:///%65tc/shadow',
    'file:///%2565tc/shadow',
    'file:////etc//shadow',
    'file:///pub/..%2fetc/shadow',
    'file:///pub\\..\\etc\\shadow',
    'file:/etc/shadow',
    'file:///etc/./shadow?x=1',
  ];
  for (const uri of spellings) {
    assert.equal(effect(deny, [resource(uri)]), 'deny', uri);
    assert.equal(effect(allow, [resource(uri)]), 'deny', uri);
  }
  const exact: PolicyYaml = {
    rules: [{ effect: 'allow' }, { effect: 'deny', resources: ['file:///srv/key'] }],
  };
  assert.equal(effect(exact, [resource('file:///srv/key#top')]), 'deny');
  assert.equal(effect(allow, [resource('file:///pub/a%20b')]), 'allow');
});

test('R-15 denies a link that enforce_pqc or allowed_algos does not admit', () => {
  const rules = [{ effect: 'allow' as const }];
  const classical = { clientLink: link('X25519') };
  assert.equal(effect({ rules }, [tool('x')], classical), 'deny');
  const relaxed = { p2p_connectivity: { enforce_pqc: false }, rules };
  assert.equal(effect(relaxed, [tool('x')], classical), 'allow');
  const narrow = { p2p_connectivity: { allowed_algos: ['ML-KEM-1024', 'ML-DSA-65'] }, rules };
  assert.equal(effect(narrow, [tool('x')]), 'deny');
  assert.equal(effect(narrow, [tool('x')], { clientLink: link('SecP384r1MLKEM1024') }), 'allow');
  const ecdsa = { clientLink: link('SecP384r1MLKEM1024', 'ECDSA-P256-SHA256') };
  assert.equal(effect(narrow, [tool('x')], ecdsa), 'deny');
  assert.equal(
    effect({ rules }, [tool('x')], { clientLink: { kind: 'plain', loopback: false } }),
    'deny',
  );
  assert.equal(
    effect({ rules }, [tool('x')], { clientLink: { kind: 'plain', loopback: true } }),
    'allow',
  );
});

const patterns = fc.array(fc.constantFrom('a', 'b', '*', 'a*', '*b'), { maxLength: 2 });
const anyRule = fc.record(
  {
    effect: fc.constantFrom('allow' as const, 'deny' as const),
    principals: fc.array(fc.constantFrom('alice', 'anonymous', '*', 'al*'), { maxLength: 2 }),
    servers: fc.array(fc.constantFrom('files', 'mail', '*'), { maxLength: 2 }),
    tools: patterns,
    resources: patterns,
    methods: patterns,
  },
  { requiredKeys: ['effect'] },
);
const anyAccess = fc.oneof(
  fc.record({
    kind: fc.constantFrom('tool' as const, 'resource' as const),
    name: fc.constantFrom('a', 'b', 'ab', 'ba'),
  }),
  fc.record({
    kind: fc.constant('method' as const),
    name: fc.constantFrom('a', 'b'),
    known: fc.boolean(),
  }),
  fc.constant({ kind: 'server' as const }),
);
const anySubject = fc.record({
  principal: fc.constantFrom(alice, anonymous),
  server: fc.constantFrom('files', 'mail'),
  clientLink: fc.constantFrom(link('X25519MLKEM768'), link('X25519')),
});

test('R-11 adding a deny rule never allows more, and the order of rules never matters', () => {
  fc.assert(
    fc.property(
      fc.array(anyRule, { maxLength: 5 }),
      anyRule,
      anySubject,
      fc.array(anyAccess, { minLength: 1, maxLength: 3 }),
      (rules, extra, who, accesses) => {
        const before = effect({ rules }, accesses, who);
        const denied = effect({ rules: [...rules, { ...extra, effect: 'deny' }] }, accesses, who);
        if (before === 'deny') assert.equal(denied, 'deny');
        assert.equal(effect({ rules: rules.toReversed() }, accesses, who), before);
        const policy = compilePolicy({ rules }, 'h');
        const each = accesses.every((access) => isVisible(policy, { ...subject, ...who }, access));
        assert.equal(before === 'allow', each);
      },
    ),
    { numRuns: 2000 },
  );
});

const OPEN = link('X25519MLKEM768');

function holder(name: string, ...scopes: string[]): Partial<Subject> {
  const principal = { name, spiffeId: null, kind: 'token', scopes: new Set(scopes) } as const;
  return { principal, clientLink: OPEN };
}

test('R-18 who comes with a token is matched with its issuer, and by no pattern for certificates', () => {
  const allowing = (pattern: string): string =>
    effect({ rules: [{ effect: 'allow', principals: [pattern] }] }, [tool('x')], holder('corp:al'));
  for (const pattern of ['*', 'corp:*', 'corp:al', '*:al'])
    assert.equal(allowing(pattern), 'allow');
  for (const pattern of ['corp*', 'al', '*al', 'anonymous', 'spiffe:*', 'other:al']) {
    assert.equal(allowing(pattern), 'deny', pattern);
  }
  const rules: PolicyYaml['rules'] = [{ effect: 'allow' }, { effect: 'deny', principals: ['*al'] }];
  assert.equal(effect({ rules }, [tool('x')], holder('corp:al')), 'deny', 'deny matches widely');
});

test('R-18 a rule with scopes is for tokens that have all of them', () => {
  const rules: PolicyYaml['rules'] = [{ effect: 'allow', scopes: ['mcp', 'write'] }];
  assert.equal(effect({ rules }, [tool('x')], holder('corp:al', 'write', 'mcp', 'more')), 'allow');
  assert.equal(effect({ rules }, [tool('x')], holder('corp:al', 'mcp')), 'deny');
  assert.equal(effect({ rules }, [tool('x')]), 'deny', 'a certificate has none');
  const sensitive: PolicyYaml['rules'] = [
    { effect: 'allow' },
    { effect: 'deny', scopes: ['guest'], tools: ['write*'] },
  ];
  assert.equal(effect({ rules: sensitive }, [tool('write')], holder('corp:al', 'guest')), 'deny');
  assert.equal(effect({ rules: sensitive }, [tool('write')], holder('corp:al')), 'allow');
});

test('R-18 a denial tells the scopes that would make up for it, the fewest, and only then', () => {
  const needs = (rules: PolicyYaml['rules'], ...accesses: Access[]): unknown =>
    decide(compilePolicy({ rules }, 'h'), { ...subject, ...holder('corp:al', 'mcp'), accesses })
      .neededScopes;
  type RuleWritten = NonNullable<PolicyYaml['rules']>[number];
  const read: RuleWritten = { effect: 'allow', scopes: ['mcp', 'read'], tools: ['read*'] };
  const admin: RuleWritten = { effect: 'allow', scopes: ['admin', 'root', 'all'] };
  assert.deepEqual(needs([admin, read], tool('read')), ['mcp', 'read']);
  assert.deepEqual(needs([admin, read], tool('write')), ['admin', 'root', 'all']);
  assert.deepEqual(needs([admin, read], tool('read'), tool('write')), [
    'mcp',
    'read',
    'admin',
    'root',
    'all',
  ]);
  assert.equal(needs([read], tool('write')), undefined, 'no rule at all');
  assert.equal(needs([read, { effect: 'deny', tools: ['read*'] }], tool('read')), undefined);
  const other = { ...read, principals: ['other:*'] };
  assert.equal(needs([other], tool('read')), undefined, 'of somebody else');
  const anonymousRead = decide(compilePolicy({ rules: [read] }, 'h'), {
    ...subject,
    principal: anonymous,
    accesses: [tool('read')],
  });
  assert.equal(anonymousRead.neededScopes, undefined);
});
