/**
 * Mends a defect of the driver (7.9.0, `Connection.writeCommand`): a command that the socket does not take at once waits for
 * `drain`, and only an `error` ends that wait. A socket that closes without one leaves it waiting for ever: destroyed an instant
 * before the write and not yet told so, closed by the server in order, or let go by the driver itself after a timeout. No time
 * limit sees that, and closing the client does not end it either. One of a handful of connections cut under load met it, and
 * then a batch of results, or the renewal of a session, stayed unwritten until the process was started again.
 *
 * So whoever still waits for the drain of a socket that has closed is told why, and the driver tries again as after any lost
 * connection. This touches the driver's inside, here and nowhere else; tests/flow/connection-faults.test.ts shows the need.
 */
import { Connection, type DriverConnection } from 'mongodb/lib/cmap/connection.js';

let mended = false;

/** Safe twice. */
export function mendDrain(): void {
  if (mended) return;
  mended = true;
  const { onClose } = Connection.prototype;
  Connection.prototype.onClose = function (this: DriverConnection): void {
    onClose.call(this);
    if (this.socket.listenerCount('drain') > 0) this.socket.emit('error', this.error ?? new Error('The connection has closed'));
  };
}
