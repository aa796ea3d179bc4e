import { onTestFinished } from "vitest";
import type { Features } from "../../../src/features/features.js";
import type { WatchEvent, WatchOptions } from "../../../src/features/watch/watch.js";
import type { Identity } from "../../../src/model/identity.js";
import type { World } from "../../vfs/world.js";

/** Somebody who watches, and what was told to them since the last look. */
export class Observer {
  readonly #abort = new AbortController();
  readonly #events: WatchEvent[] = [];
  readonly #ended: Promise<unknown>;

  constructor(features: Features, options: WatchOptions = {}) {
    const { signal } = this.#abort;
    this.#ended = this.#run(features.watching.watch({ ...options, signal }));
    onTestFinished(() => this.#abort.abort());
  }

  /** Resolves when it has heard of all that was recorded: promises alone are in between. */
  async caughtUp(): Promise<void> {
    for (let before = -1; before !== this.#events.length; ) {
      before = this.#events.length;
      await new Promise(setImmediate);
    }
  }

  /** Everything up to now. */
  async events(): Promise<WatchEvent[]> {
    await this.caughtUp();
    return this.#events.splice(0);
  }

  /** The same in words. */
  async told(): Promise<string[]> {
    return (await this.events()).map(inWords);
  }

  /** What it ended with. */
  ended(): Promise<unknown> {
    return this.#ended;
  }

  async leave(): Promise<void> {
    this.#abort.abort();
    await this.#ended;
  }

  async #run(events: AsyncIterable<WatchEvent>): Promise<unknown> {
    try {
      for await (const event of events) this.#events.push(event);
      return undefined;
    } catch (error) {
      return error;
    }
  }
}

/** Begins, and is there when the watch has begun. */
export async function observe(features: Features, options: WatchOptions = {}): Promise<Observer> {
  const observer = new Observer(features, options);
  await observer.caughtUp();
  return observer;
}

export function inWords(event: WatchEvent): string {
  const { kind, path } = event;
  switch (event.kind) {
    case "created":
      return `${event.isNew ? "created" : "appeared"} ${path}`;
    case "renamed":
      return `renamed ${event.from} ${path}`;
    case "metadata":
      return `metadata ${path} ${event.keys.join(",")}`;
    case "work":
      return `work ${path} ${event.previousStatus ?? "none"}>${event.status ?? "none"}`;
    case "removed":
    case "modified":
    case "attributes":
      return `${kind} ${path}`;
  }
}

export function featuresOf(world: World, identity: Identity = { isAdmin: false }): Features {
  return world.nexus.featuresFor(identity);
}
