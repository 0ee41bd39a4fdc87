/**
 * Loaded into each test file's process: ends it when it stays after its time, and says what holds
 * it. The runner's own time-out ends tests, not files with something left open.
 */

const FILE_TIMEOUT_MS = 120_000;

// Set by Node's runner in the processes that it starts for test files.
if (process.env['NODE_TEST_CONTEXT'] !== undefined) {
  setTimeout(() => {
    const open = process.getActiveResourcesInfo().join(', ');
    process.stderr.write(`not done after ${FILE_TIMEOUT_MS / 1000} s; open: ${open}\n`);
    process.exit(1);
  }, FILE_TIMEOUT_MS).unref();
}
