/**
 * Runs steps one after the other, each of them whatever became of those before: for what has to be
 * closed. Rejects with the first failure, at the end.
 */
export async function runEach(steps: readonly (() => unknown)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
