/** A fault that ends a command line tool: one clear line for the person who called it, and the exit code for their script. */
import { HooktailError, type FaultOptions } from '../../src/runtime/errors.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

export class ToolError extends HooktailError {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, code: string, message: string, options: FaultOptions = {}) {
    super(code, message, options);
    this.name = 'ToolError';
    this.exitCode = exitCode;
  }
}

/** The command line itself is wrong. */
export const usageError = (message: string): ToolError => new ToolError(EXIT.usage, 'usage', message, { fix: 'see --help' });
