/** Our own scheme: hex HMAC-SHA256 over `timestamp.key.body`, in `X-Signature` (domain/signing.ts). */
import { createSetVerifier } from './signed-set.ts';
import type { Verify } from './verdict.ts';

export const createHooktailVerifier = (secrets: readonly string[]): Verify => createSetVerifier('x', secrets);
