/** `npm run status`: who sends what where, how much waits, and what is wrong. See `--help`. */
import { runTool } from './cli/context.ts';
import { statusCommand } from './status/command.ts';

const CLEAR = '\u001b[H\u001b[2J';

function clear(): void {
  if (process.stdout.isTTY) process.stdout.write(CLEAR);
}

await runTool((context) => statusCommand(context, clear));
