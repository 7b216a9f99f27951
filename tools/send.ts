/** `npm run send`: sends signed events to the server, and tells what becomes of them. See `--help`. */
import { runTool } from './cli/context.ts';
import { sendCommand } from './send/command.ts';

await runTool(sendCommand);
