/** `npm run model`: the delivery life in thousands of random interleavings, against a real store. See `--help`. */
import { runTool } from '../tools/cli/context.ts';
import { modelCommand } from './model/command.ts';

await runTool(modelCommand);
