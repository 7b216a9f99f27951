/** Does something with each of many, so many of them at once: they share round trips, and nobody is swamped. */

/** After a fault none is begun, but those under way are waited for: nothing goes on behind the caller's back. @throws the first fault */
export async function someAtOnce<Item>(items: readonly Item[], most: number, act: (item: Item) => Promise<unknown>): Promise<void> {
  const queue = items.values();
  const faults: unknown[] = [];
  const work = async (): Promise<void> => {
    for (const item of queue) {
      if (faults.length > 0) return;
      await act(item).catch((error: unknown) => faults.push(error));
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, work));
  if (faults.length > 0) throw faults[0];
}
