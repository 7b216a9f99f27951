/** `npm run replay`: makes dead deliveries ready again, after showing what that would be. See `--help`. */
import { runTool } from './cli/context.ts';
import { replayCommand } from './replay/command.ts';

await runTool(replayCommand);
