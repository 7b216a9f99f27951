/** The schemes whose headers are a set of three that is signed with the body: the default source's two, each by itself. */
import { Problem } from '../../http/problem.ts';
import { readSignedHeaders, type Scheme } from '../signed-headers.ts';
import { checkSignature, keysOf } from '../verify.ts';
import { unsigned, type Verify } from './verdict.ts';

export function createSetVerifier(scheme: Scheme, secrets: readonly string[]): Verify {
  const keys = keysOf(secrets);
  return (header, body) => {
    try {
      const headers = readSignedHeaders(header, scheme);
      checkSignature(headers, body, keys);
      return { kind: 'signed', timestampMs: headers.timestampMs, idempotencyKey: headers.idempotencyKey };
    } catch (error) {
      if (error instanceof Problem) return unsigned(`${error.code}: ${error.detail}`);
      throw error;
    }
  };
}
