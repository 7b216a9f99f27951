/** `npm run torture`: whether anything is lost, whatever dies. See `--help`. */
import { runTool } from '../tools/cli/context.ts';
import { tortureCommand } from './command.ts';

await runTool(tortureCommand);
