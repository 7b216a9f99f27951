/** Opens a port, and tells in plain words when somebody else has it. */
import type { Server } from 'node:http';
import { FatalError } from '../../src/runtime/errors.ts';

/** Answers the port that was opened. @throws FatalError `port_taken` */
export function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException): void => {
      const taken = error.code === 'EADDRINUSE';
      reject(taken ? new FatalError('port_taken', `Port ${port} on ${host} is taken`, { cause: error, fix: 'choose another one with --port' }) : error);
    };
    server.once('error', refuse);
    // A burst of new connections must not be refused by a short accept queue.
    server.listen({ host, port, backlog: 1024 }, () => {
      server.off('error', refuse); // A receiver may close its port and open it again, many times.
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
