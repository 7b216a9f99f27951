/** `npm run bench`: how much, how fast, and at what cost. See `--help`. */
import { runTool } from '../tools/cli/context.ts';
import { benchCommand } from './command.ts';

await runTool(benchCommand);
