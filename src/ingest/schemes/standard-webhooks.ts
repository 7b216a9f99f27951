/** Standard Webhooks: `v1,` and the base64 of an HMAC-SHA256 over `id.timestamp.body`, in `webhook-signature`. */
import { createSetVerifier } from './signed-set.ts';
import type { Verify } from './verdict.ts';

export const createStandardVerifier = (secrets: readonly string[]): Verify => createSetVerifier('standard', secrets);
