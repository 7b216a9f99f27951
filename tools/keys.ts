/** `npm run keys`: makes master keys, tells what each has sealed, and seals all anew under the newest. See `--help`. */
import { runTool } from './cli/context.ts';
import { keysCommand } from './keys/command.ts';

await runTool(keysCommand);
