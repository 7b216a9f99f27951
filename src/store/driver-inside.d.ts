/** What we touch of the driver's inside, which it publishes no types for. See drain-fix.ts. */
declare module 'mongodb/lib/cmap/connection.js' {
  import type { EventEmitter } from 'node:events';

  export interface DriverConnection {
    readonly socket: EventEmitter;
    /** Why it is closed; set once `onClose` has run. */
    readonly error?: Error | null;
    onClose: (this: DriverConnection) => void;
  }

  export const Connection: { readonly prototype: DriverConnection };
}
