/** The receiver for those who have none yet: on the sink's usual port, or on any free one when that is taken. */
import { createSink, type SinkRequest } from '../sink/sink.ts';

export interface FirstSink {
  readonly url: string;
  stop(): Promise<void>;
}

const USUAL_PORT = 4401;

export async function openFirstSink(secret: string, note: (line: string) => void): Promise<FirstSink> {
  const options = { secret, keep: 1_000, bodies: false, onRequest: (request: SinkRequest) => note(describe(request)) };
  const usual = createSink({ ...options, port: USUAL_PORT });
  const sink = await usual.start().then(() => usual, () => createSink(options));
  return { url: (await sink.start()).url, stop: () => sink.stop() };
}

const describe = ({ id, type, attempt, verified }: SinkRequest): string => `--> ${type ?? '(no type)'}  ${id ?? '(no id)'}  attempt ${attempt ?? '?'}  signature ${verified}`;
