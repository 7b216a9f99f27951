/** Requests of the admin routes, as whoever runs the system makes them. */
export interface AdminAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface AdminRequest {
  readonly method?: string;
  readonly body?: unknown;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function admin(url: string, path: string, { method = 'GET', body, token, headers = {} }: AdminRequest = {}): Promise<AdminAnswer> {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(`${url}/api/v1${path}`, { method, headers: { ...authorization, ...headers }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  return { status: response.status, headers: response.headers, body: (await response.json()) as AdminAnswer['body'] };
}
