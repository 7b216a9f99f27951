/** A wait with an end: a run that hangs must say on what. */
export async function deadline<T>(promise: Promise<T>, { what, ms }: { readonly what: string; readonly ms: number }): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Expected ${what} within ${ms / 1000} s, it did not`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
