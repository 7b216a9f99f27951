/**
 * Our own faults. `code` is stable and for programs; `message` says what was expected and what was got, for people; `fix`
 * is the one thing to do about it. What a receiver does is never an error (see domain/attempt.ts).
 */
export interface FaultOptions {
  readonly cause?: unknown;
  /** One sentence: what the operator should do. */
  readonly fix?: string;
}

export class HooktailError extends Error {
  readonly code: string;
  readonly fix: string | null;

  constructor(code: string, message: string, options: FaultOptions = {}) {
    super(message, { cause: options.cause });
    this.name = 'HooktailError';
    this.code = code;
    this.fix = options.fix ?? null;
  }
}

/** A fault that no waiting heals: the process prints one clear line and ends. */
export class FatalError extends HooktailError {
  override readonly name = 'FatalError';
}

/** The text of anything thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** One line for a person: what is wrong, and the fix when there is one. */
export function describeFault(error: unknown): string {
  const fix = error instanceof HooktailError && error.fix !== null ? `. Fix: ${error.fix}` : '';
  return scrubUris(messageOf(error)) + fix;
}

/** Removes user names and passwords from any MongoDB or HTTP address inside a text. */
export const scrubUris = (text: string): string => text.replace(/\b(mongodb(?:\+srv)?:\/\/)\S+@/gi, '$1***@').replace(/\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/]+@/gi, '$1***@');

/** An address as people may see it: receivers' keys often stand in the query. */
export const shownUrl = (url: string): string => scrubUris(url).replace(/[?#].*$/, '');

/** The same as `scrubUris`, and whatever is a secret by its look: signing secrets, private keys, tokens of ours, what follows `Bearer` or `Basic`, and signatures. */
export const scrubSecrets = (text: string): string =>
  scrubUris(text).replace(/\b(whsec_|whsk_|htk_)[A-Za-z0-9+/=_-]+/g, '$1***').replace(/\b((?:bearer|basic)\s+)[^\s,;"']+/gi, '$1***').replace(/\bv1a?[,=][A-Za-z0-9+/=]{20,}|\b[0-9a-f]{64}\b/gi, '***');
