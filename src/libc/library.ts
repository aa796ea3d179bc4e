import koffi from "koffi";

/**
 * The C library of this process (null is dlopen(3)'s name for the program itself, which is linked
 * against it), called through koffi: no compiler on the user's machine. A call costs 0.2-0.4
 * microseconds and may be made from any thread.
 */
const libc = koffi.load(null);

/** Binds one function by its C prototype. */
export function bind<F extends (...args: never[]) => unknown>(prototype: string): F {
  return libc.func(prototype) as unknown as F;
}

/**
 * Binds one function so that it runs on libuv's thread pool and answers through a promise: with its
 * result, or with minus the errno. That errno belongs to a thread of the pool; koffi shows it for as
 * long as its callback runs, so {@link lastErrno} would be too late.
 */
export function bindAsync<A extends unknown[]>(prototype: string): (...args: A) => Promise<number> {
  const call = libc.func(prototype);
  return (...args) =>
    new Promise((resolve, reject) => {
      call.async(...args, (error: unknown, result: number) => {
        if (error) reject(error);
        else resolve(result < 0 ? -koffi.errno() : result);
      });
    });
}

/** The errno of the call just made on this thread; read it before anything else runs. */
export function lastErrno(): number {
  return koffi.errno();
}
