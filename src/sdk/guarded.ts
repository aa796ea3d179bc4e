import type { Operations } from "./operations.js";

/**
 * The same interface with every method run as an operation of a client. For interfaces whose methods
 * all answer with a promise, and take the path first if they take one.
 */
export function guarded<T extends object>(
  target: T,
  { operations, name }: { operations: Operations; name: string },
): T {
  return new Proxy(target, {
    get: (_, key) => {
      const method: unknown = Reflect.get(target, key, target);
      if (typeof method !== "function") return method;
      return (...args: unknown[]) => {
        const [path] = args;
        const asked = {
          op: `${name}.${String(key)}`,
          ...(typeof path === "string" ? { path } : {}),
        };
        return operations.run(asked, async () => await Reflect.apply(method, target, args));
      };
    },
  });
}
