/** Ends every `switch` over a union: the compiler refuses to build while a variant is unhandled. */
export function assertNever(value: never): never {
  throw new Error(`Unhandled variant: ${JSON.stringify(value)}`);
}
