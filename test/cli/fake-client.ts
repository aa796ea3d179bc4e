import type { ListedFile } from "../../src/features/files/files.js";
import type { WorkItem } from "../../src/features/queue/queue.js";
import type { Ino, PathId } from "../../src/model/ids.js";
import type { NexusClient } from "../../src/sdk/client.js";

type Parts = { readonly [Key in keyof NexusClient]?: Partial<NexusClient[Key]> | NexusClient[Key] };

/** A client with the methods that a test gives it. Every other one that is used fails the test. */
export class FakeClient {
  isClosed = false;
  readonly client: NexusClient;

  constructor(parts: Parts = {}) {
    const whole = { ...parts, close: async () => this.#close() };
    this.client = strict(whole, "client") as NexusClient;
  }

  #close(): void {
    this.isClosed = true;
  }
}

function strict(parts: object, name: string): object {
  return new Proxy(parts, {
    get(target, key) {
      if (key === "then") return undefined;
      const value: unknown = Reflect.get(target, key);
      if (value === undefined) throw new Error(`${name}.${String(key)} was not to be used`);
      const isPart = typeof value === "object" && value !== null && !(value instanceof Map);
      return isPart ? strict(value, `${name}.${String(key)}`) : value;
    },
  });
}

/** A client with the methods of a test, for which it doesn't matter whether it was closed. */
export function fakeClient(parts: Parts): NexusClient {
  return new FakeClient(parts).client;
}

export async function* each<Value>(values: Iterable<Value>): AsyncGenerator<Value> {
  yield* values;
}

export function listedFile(path: string, fields: Partial<ListedFile> = {}): ListedFile {
  const isDirectory = fields.type === "directory";
  return {
    path,
    type: "file",
    ino: 7 as Ino,
    mode: isDirectory ? 0o755 : 0o644,
    uid: 4_000_000,
    gid: 4_000_001,
    nlink: isDirectory ? 2 : 1,
    size: 12,
    createdAt: new Date("2026-06-14T10:00:00Z"),
    modifiedAt: new Date("2026-06-15T10:00:00Z"),
    ...fields,
  };
}

export function workItem(path: string, fields: Partial<WorkItem> = {}): WorkItem {
  return {
    path,
    pathId: "0f6e1f6c-6a39-4a5b-8e0f-2d0b5d3c1a11" as PathId,
    state: "ready",
    status: "ready",
    priority: 1,
    size: 12,
    blockerCount: 0,
    workerId: undefined,
    startedAt: undefined,
    completedAt: undefined,
    attempts: 0,
    leaseEndsAt: undefined,
    createdAt: new Date("2026-06-15T11:55:00Z"),
    modifiedAt: new Date("2026-06-15T11:56:00Z"),
    ...fields,
  };
}
