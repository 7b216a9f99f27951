/** What an error of the HTTP client says about the receiver: a table from codes to outcomes. */
import type { NetworkFault, Outcome } from '../domain/attempt.ts';
import { messageOf } from '../runtime/errors.ts';
import { BlockedAddressError } from './guard.ts';

/** Node's system errors and undici's own codes (nodejs/undici docs/docs/api/Errors.md). */
const FAULTS: Readonly<Record<string, NetworkFault>> = {
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  EAI_NODATA: 'dns',
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  UND_ERR_SOCKET: 'reset',
  UND_ERR_CONNECT_TIMEOUT: 'connect_timeout',
  ETIMEDOUT: 'connect_timeout',
  EPROTO: 'tls',
  UND_ERR_HEADERS_OVERFLOW: 'bad_response',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'bad_response',
};

/** Certificate and protocol errors of Node's TLS carry one of these beginnings. */
const TLS = /^(ERR_TLS_|ERR_SSL_|CERT_|CRL_|DEPTH_ZERO_|ERROR_IN_|INVALID_(CA|PURPOSE)|PATH_LENGTH_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH)/;

/** A 100 or 101 that nobody asked for: undici tells it under the code of a cut connection. */
const MISBEHAVED = /^bad (response|upgrade)$/;

export function outcomeOfError(error: unknown): Outcome {
  if (error instanceof BlockedAddressError) return { kind: 'blocked', detail: error.message };
  const code = codeOf(error);
  // undici's parser errors carry a name and no code.
  if (error instanceof Error && error.name === 'HTTPParserError') return { kind: 'network', fault: 'bad_response', detail: error.message };
  const fault = MISBEHAVED.test(messageOf(error)) ? 'bad_response' : faultOf(code);
  return { kind: 'network', fault, detail: code === '' ? messageOf(error) : `${code} ${messageOf(error)}`.trim() };
}

function faultOf(code: string): NetworkFault {
  if (TLS.test(code)) return 'tls';
  return code.startsWith('HPE_') ? 'bad_response' : (FAULTS[code] ?? 'other');
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '');
