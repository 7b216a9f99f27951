/** What a run has started and must end, last first; also when it is interrupted in the middle of starting. */
export type Ending = () => Promise<unknown>;

export class Endings {
  readonly #endings: Ending[] = [];
  #ended = false;
  #ending: Promise<void> | null = null;

  /** Anything that comes after the end is ended at once. */
  async add(ending: Ending): Promise<void> {
    if (!this.#ended) {
      this.#endings.unshift(ending);
      return;
    }
    await ending();
    throw new Error('The run was ended while it was starting');
  }

  /** Ends everything; safe twice. The first fault is thrown once all have been tried. */
  end(): Promise<void> {
    this.#ended = true;
    return (this.#ending ??= this.#endAll());
  }

  async #endAll(): Promise<void> {
    const faults: unknown[] = [];
    for (const ending of this.#endings) await ending().catch((error: unknown) => faults.push(error));
    if (faults.length > 0) throw faults[0];
  }
}

/** Runs with endings of its own, and ends them however it comes out; the signal ends them too, and so the run. */
export async function withEndings<T>(signal: AbortSignal, run: (endings: Endings) => Promise<T>): Promise<T> {
  const endings = new Endings();
  const interrupt = (): void => void endings.end().catch(() => undefined); // Whoever awaits the end below hears of its fault.
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    signal.throwIfAborted();
    return await run(endings);
  } finally {
    signal.removeEventListener('abort', interrupt);
    await endings.end();
  }
}
