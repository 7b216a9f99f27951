/** Does something with each of many, so many of them at once: they share round trips, and nobody is swamped. */

/** @throws the first fault; those under way then go on, and none is begun after it */
export async function someAtOnce<Item>(items: readonly Item[], most: number, act: (item: Item) => Promise<unknown>): Promise<void> {
  const queue = items.values();
  let failed = false;
  const work = async (): Promise<void> => {
    for (const item of queue) {
      if (failed) return;
      await act(item).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, work));
}
