/**
 * A process that logs. `exit`: 3000 short lines, then ends at once. `flood`: 5000 long ones, then says
 * on standard output how long they took, and ends when its standard input does.
 */
import { writeSync } from 'node:fs';
import { createLog } from './log.ts';

const log = createLog({ level: 'debug', format: 'json' });
const [task] = process.argv.slice(2);
const [count, bytes] = task === 'exit' ? [3000, 100] : [5000, 1000];
const start = performance.now();
for (let index = 0; index < count; index += 1) {
  log.sink({ severity: 'debug', name: 'test.line', message: 'x'.repeat(bytes), fields: { index } });
}
if (task === 'exit') {
  log.flush();
  process.exit();
}
writeSync(1, `${performance.now() - start}\n`);
process.stdin.on('end', () => {
  log.sink({ severity: 'debug', name: 'test.last', message: 'last' });
  const flushing = performance.now();
  log.flush();
  writeSync(1, `${performance.now() - flushing}\n`);
});
process.stdin.resume();
