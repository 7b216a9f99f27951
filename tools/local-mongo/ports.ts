/**
 * Loopback ports for mongod, below the range the kernel hands to outgoing connections (32768 and up on Linux, 49152 and up elsewhere).
 * Inside that range a client that keeps reconnecting to a dead node's port can be given that very port as its own, connect to itself,
 * and so block the node's return.
 */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const firstPort = 20_000;
const lastPort = 32_000;
const tries = 50;

export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let left = tries; left > 0 && ports.size < count; left -= 1) {
    const port = randomInt(firstPort, lastPort);
    if (await isFree(port)) ports.add(port);
  }
  if (ports.size < count) throw new Error(`Found no ${count} free ports between ${firstPort} and ${lastPort}`);
  return [...ports];
}

export async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ host: '127.0.0.1', port, exclusive: true });
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}

/** Whether something accepts connections there; cheaper than a driver, whose own retry pauses half a second. */
export async function accepts(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
