import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCommand } from '../../test/support/command.ts';

test('a command that there is not is told so, also when help is asked for', async () => {
  for (const argv of [['frob'], ['frob', '--help']]) {
    const { code, stderr } = await runCommand(argv);
    assert.equal(code, 64);
    assert.match(stderr, /unknown command 'frob'/);
  }
  const help = await runCommand(['check', '--help']);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /Usage: postern check/);
});
