/** `npm run tokens`: makes tokens for the admin routes, lists and revokes them. See `--help`. */
import { runTool } from './cli/context.ts';
import { tokensCommand } from './tokens/command.ts';

await runTool(tokensCommand);
