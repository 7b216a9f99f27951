/**
 * Loaded into every test file's process: ends it soon after the runner, so that a runner cut off by SIGKILL leaves no tests running on.
 * It watches the runner itself and not its own parent: that is node's test process, which loads no --import and would start file after file.
 */
const everyMs = 250;
const runner = Number(process.env['TEST_RUNNER_PID']);

function endWithRunner(): void {
  try {
    process.kill(runner, 0);
  } catch {
    process.exit(1);
  }
}

endWithRunner();
setInterval(endWithRunner, everyMs).unref();

export {};
