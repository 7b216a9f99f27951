/** `npm run sink`: a receiver to deliver to, for trying out and for breaking things on purpose. See `--help`. */
import { runTool } from './cli/context.ts';
import { sinkCommand } from './sink/command.ts';

await runTool(sinkCommand);
