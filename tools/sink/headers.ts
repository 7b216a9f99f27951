/** Reading the headers of a request. */
import type { IncomingHttpHeaders } from 'node:http';

/** The first value of a header; null when there is none. */
export const headerOf = (headers: IncomingHttpHeaders, name: string): string | null => [headers[name]].flat()[0] ?? null;
