/** A queue whose head costs nothing to take, however long it is: `Array.shift` moves all that follows. */
export class Fifo<T> {
  #in: T[] = [];
  #out: T[] = [];

  get length(): number {
    return this.#in.length + this.#out.length;
  }

  push(item: T): void {
    this.#in.push(item);
  }

  shift(): T | undefined {
    if (this.#out.length === 0) {
      this.#out = this.#in.reverse();
      this.#in = [];
    }
    return this.#out.pop();
  }
}
