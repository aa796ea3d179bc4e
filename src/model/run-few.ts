/**
 * Runs tasks, a few of them at a time: for what holds a file open or memory while it lasts. Once one
 * fails, no further one begins; rejects with the first failure when those that had begun are over.
 */
export async function runFew(
  tasks: readonly (() => unknown)[],
  { atOnce }: { atOnce: number },
): Promise<void> {
  const failures: unknown[] = [];
  let next = 0;
  const runner = async (): Promise<void> => {
    for (;;) {
      const task = tasks[next++];
      if (task === undefined || failures.length > 0) return;
      try {
        await task();
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, tasks.length) }, runner));
  if (failures.length > 0) throw failures[0];
}
