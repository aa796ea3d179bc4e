import type { RpcCaller } from "../rpc/caller.js";

export interface OwnerConnectionOptions {
  readonly caller: RpcCaller;
  /** Connects again, as the same identity. Errors: those of connecting, `io-failure` when nobody is there. */
  readonly reopen?: (() => Promise<RpcCaller>) | undefined;
}

/**
 * A client's connection to the owner of a store. When it is lost, because the owner ended or crashed, what is
 * under way fails, and the next request that begins looks for the owner that there is then: nothing is ever
 * asked twice.
 */
export class OwnerConnection {
  readonly #reopen: (() => Promise<RpcCaller>) | undefined;
  #caller: RpcCaller;
  #reopening: Promise<RpcCaller> | undefined;

  constructor({ caller, reopen }: OwnerConnectionOptions) {
    this.#caller = caller;
    this.#reopen = reopen;
  }

  /** Who carries a request now. It comes at once unless the connection was lost. */
  caller(): RpcCaller | Promise<RpcCaller> {
    if (!this.#caller.isLost || this.#reopen === undefined) return this.#caller;
    // All that begin meanwhile wait for the same one.
    this.#reopening ??= this.#again(this.#reopen);
    return this.#reopening;
  }

  close(): void {
    this.#caller.close();
  }

  async #again(reopen: () => Promise<RpcCaller>): Promise<RpcCaller> {
    try {
      this.#caller = await reopen();
      return this.#caller;
    } finally {
      this.#reopening = undefined;
    }
  }
}
