import { MessageChannel, type MessagePort } from "node:worker_threads";

/**
 * Runs tasks when what runs now, and all that follows from it at once, is over. With a message to itself:
 * that also wakes a thread that sleeps on its event loop's descriptor, which setImmediate doesn't.
 */
export class Turns {
  readonly #near: MessagePort;
  readonly #far: MessagePort;
  #tasks: (() => void)[] = [];

  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.#near = port1;
    this.#far = port2;
    port2.on("message", () => {
      for (const task of this.#tasks.splice(0)) task();
    });
    port2.unref();
  }

  after(task: () => void): void {
    this.#tasks.push(task);
    if (this.#tasks.length === 1) this.#near.postMessage(undefined);
  }

  close(): void {
    this.#tasks = [];
    this.#far.close();
  }
}
