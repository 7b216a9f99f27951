/** A signed request as a curl command, quoted for a POSIX shell. */
export interface CurlRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** One shell word that stands for exactly this text. */
export const shellQuoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

export const curlHeaders = (headers: CurlRequest['headers']): string => Object.entries(headers).map(([name, value]) => `-H ${shellQuoted(`${name}: ${value}`)}`).join(' ');

/** The body is put in as it is: re-encoded JSON would have another signature. */
export const curlCommand = ({ url, headers, body }: CurlRequest): string =>
  `curl -sS -X POST ${shellQuoted(url)} ${curlHeaders(headers)} --data-binary ${shellQuoted(body.toString('utf8'))}`;

/** Below the 128 KiB that Linux allows for one argument (MAX_ARG_STRLEN), with room for quotes. */
export const SHELL_WORD_BYTES = 100_000;

/** Whether the bytes come through a command line as they are; otherwise the signature would fit other bytes than the ones sent. */
export const fitsShell = (body: Buffer): boolean => body.length <= SHELL_WORD_BYTES && Buffer.from(body.toString('utf8')).equals(body);
