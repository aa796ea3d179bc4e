import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import type { OutputStream } from "../../src/cli/terminal/output.js";
import { NexusError } from "../../src/model/errors.js";
import { FakeClient, fakeClient } from "./fake-client.js";
import { runCommand, Screen } from "./run-command.js";

const rm = (del: () => Promise<void>) => new FakeClient({ delete: del });

describe("the options of all commands", () => {
  test.each([
    ["before", ["--tenant", "acme", "--admin", "--data-dir", "/data", "rm", "/a"]],
    ["after", ["rm", "/a", "--tenant", "acme", "--admin", "--data-dir", "/data"]],
    ["on both sides of", ["--tenant=acme", "--admin", "rm", "--data-dir=/data", "/a"]],
  ])("may stand %s its name", async (_, args) => {
    const { client } = rm(async () => undefined);
    const { code, opened } = await runCommand(args, { client });
    expect(code).toBe(0);
    expect(opened.map(({ settings }) => [...settings])).toStrictEqual([
      [
        ["data_dir", { value: "/data", source: "--data-dir" }],
        ["tenant_id", { value: "acme", source: "--tenant" }],
        ["is_admin", { value: true, source: "--admin" }],
      ],
    ]);
  });

  test("the last one counts", async () => {
    const { client } = rm(async () => undefined);
    const { opened } = await runCommand(["--agent", "a", "rm", "/a", "--agent", "b"], { client });
    expect(opened[0]?.settings.get("agent_id")?.value).toBe("b");
  });

  test("are known to commands of commands", async () => {
    const status = async () => ({
      ...{ ready: 0, pending: 0, blocked: 0, in_progress: 0, completed: 0, failed: 0 },
    });
    const client = fakeClient({ queue: { status } });
    for (const args of [
      ["--config", "x.yaml", "work", "status"],
      ["work", "--config", "x.yaml", "status"],
      ["work", "status", "--config", "x.yaml"],
    ]) {
      const { opened } = await runCommand(args, { client });
      expect(opened[0]?.configPath).toBe("x.yaml");
    }
  });
});

describe("how a command ends", () => {
  test.each([
    ["not-found", 1],
    ["invalid-path", 2],
  ] as const)("after %s in one line, with %i, and closes the store", async (kind, expected) => {
    const fake = rm(() => Promise.reject(new NexusError(kind, "it\ndidn't work")));
    const { code, stdout, stderr } = await runCommand(["rm", "/a"], { client: fake.client });
    expect([code, stdout, stderr]).toStrictEqual([expected, "", "nexus: it didn't work\n"]);
    expect(fake.isClosed).toBe(true);
  });

  test("an error names the path that it is about, once", async () => {
    const paths = ["/a", "/b"];
    const errors = [
      new NexusError("not-found", "no such file", { path: "/a" }),
      new NexusError("not-found", "there is no /b", { path: "/b" }),
    ];
    const client = fakeClient({ delete: () => Promise.reject(errors.shift()) });
    const { stderr } = await runCommand(["rm", ...paths], { client });
    expect(stderr).toBe("nexus: /a: no such file\nnexus: there is no /b\n");
  });

  test("the worst of several errors counts", async () => {
    const kinds = ["not-found", "invalid-path", "not-found"] as const;
    let index = 0;
    const client = fakeClient({
      delete: () => Promise.reject(new NexusError(kinds[index++] ?? "internal", "no")),
    });
    expect((await runCommand(["rm", "/a", "/b", "/c"], { client })).code).toBe(2);
  });

  test("a store that can't be opened is one line, too", async () => {
    const open = () => Promise.reject(new NexusError("in-use", "somebody has it"));
    const { code, stderr } = await runCommand(["rm", "/a"], { surroundings: { open } });
    expect([code, stderr]).toStrictEqual([1, "nexus: somebody has it\n"]);
  });

  test.each(["terminal", "pipe"] as const)(
    "what an error says can't command a terminal, and stderr is a %s",
    async (stderr) => {
      const client = fakeClient({
        delete: () => Promise.reject(new Error("\u001b[2J\rgone\u009b")),
      });
      const ran = await runCommand(["rm", "/a"], { client, stderr });
      expect(ran.stderr).toBe("nexus: \\x1b[2J\\x0dgone\\x9b\n");
      const path = await runCommand(["ls", "\u001b[2J\u0007"], { client, stderr });
      expect(path.stderr).toMatch(/^nexus: [ -~]+\n$/);
      const word = await runCommand(["\u001b]0;title\u0007"], { stderr });
      expect(word.stderr).toBe("nexus: unknown command '\\x1b]0;title\\x07'\n");
    },
  );

  test.each([
    [["sl"], "nexus: unknown command 'sl' (Did you mean ls?)\n"],
    [["work", "raedy"], "nexus: unknown command 'raedy' (Did you mean ready?)\n"],
    [["ls", "--jsn"], "nexus: unknown option '--jsn' (Did you mean --json?)\n"],
    [["cat"], "nexus: missing required argument 'path'\n"],
    [
      ["mkdir", "/a", "/b"],
      "nexus: too many arguments for 'mkdir'. Expected 1 argument but got 2.\n",
    ],
    [["work", "claim"], "nexus: required option '-w, --worker <name>' not specified\n"],
    [
      ["tree", "-L", "0"],
      "nexus: option '-L, --level <n>' argument '0' is invalid. Expected a whole number, 1 or more.\n",
    ],
  ])("what is asked wrongly, as %j, in one line with 2", async (args, expected) => {
    const { code, stdout, stderr } = await runCommand(args);
    expect([code, stdout, stderr]).toStrictEqual([2, "", expected]);
  });
});

describe("Ctrl-C", () => {
  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)(
    "%s ends what is under way, closes the store, and ends with %i",
    async (name, expected) => {
      const signals = new EventEmitter();
      const fake = new FakeClient({
        write: (_path, _content, options) =>
          new Promise((_resolve, reject) => {
            options?.signal?.addEventListener("abort", () => reject(options.signal?.reason));
            signals.emit(name, name);
          }),
      });
      const ran = await runCommand(["write", "/a", "text"], {
        client: fake.client,
        surroundings: { signals },
      });
      expect([ran.code, ran.stdout, ran.stderr]).toStrictEqual([
        expected,
        "",
        "nexus: interrupted\n",
      ]);
      expect(fake.isClosed).toBe(true);
      expect(signals.eventNames()).toStrictEqual([]);
    },
  );

  test("pressed twice, has its usual effect", async () => {
    const signals = new EventEmitter();
    const listeners: number[] = [];
    const client = fakeClient({
      delete: async () => {
        listeners.push(signals.listenerCount("SIGINT"));
        signals.emit("SIGINT", "SIGINT");
        listeners.push(signals.listenerCount("SIGINT"));
      },
    });
    const { code } = await runCommand(["rm", "/a", "/b"], { client, surroundings: { signals } });
    expect(listeners).toStrictEqual([1, 0]);
    expect(code).toBe(130);
  });

  test("while it waits for standard input, too", async () => {
    const signals = new EventEmitter();
    const stdin = new Readable({
      read: () => {
        setImmediate(() => signals.emit("SIGINT", "SIGINT"));
      },
    });
    const client = fakeClient({
      write: async (_path, content) => {
        for await (const _ of content as AsyncIterable<unknown>);
        throw new Error("it was to be interrupted");
      },
    });
    const { code } = await runCommand(["write", "/a", "-"], {
      ...{ client, stdin },
      surroundings: { signals },
    });
    expect(code).toBe(130);
  });

  test("while the store is opened, does nothing to it", async () => {
    const signals = new EventEmitter();
    const fake = new FakeClient();
    const open = async () => {
      signals.emit("SIGINT", "SIGINT");
      return fake.client;
    };
    const { code } = await runCommand(["rm", "/a"], { surroundings: { signals, open } });
    expect([code, fake.isClosed]).toStrictEqual([130, true]);
  });

  test.each(
    [
      ["ls"],
      ["tree"],
      ["cat", "/a"],
      ["info", "/a"],
      ["glob", "*"],
      ["grep", "a"],
      ["find-duplicates"],
      ["meta", "get", "/a", "k"],
      ["meta", "list", "/a"],
      ["work", "ready"],
      ["work", "status"],
      ["work", "deps", "/a"],
      ["__complete", "--", "cat", "/"],
    ].map((args) => [args]),
  )("is nothing that %j handles: it only reads, and ends as every program does", async (args) => {
    const signals = new EventEmitter();
    let handled: unknown;
    const open = () => {
      handled = signals.eventNames();
      return Promise.reject(new NexusError("in-use", "somebody has it"));
    };
    await runCommand(args, { surroundings: { signals, open } });
    expect(handled).toStrictEqual([]);
  });

  test("doesn't hide another error", async () => {
    const signals = new EventEmitter();
    const client = fakeClient({
      metadata: {
        set: () => {
          signals.emit("SIGINT", "SIGINT");
          return Promise.reject(new NexusError("corrupt", "it is broken"));
        },
      },
    });
    const args = ["meta", "set", "/a", "k", "v"];
    const { code, stderr } = await runCommand(args, { client, surroundings: { signals } });
    expect([code, stderr]).toStrictEqual([1, "nexus: it is broken\n"]);
  });
});

describe("a reader who has seen enough", () => {
  /** Takes one chunk, then is gone, as head(1). */
  class Head extends Screen {
    override _write(chunk: Buffer, encoding: string, done: (error?: Error) => void): void {
      if (this.text === "") super._write(chunk, encoding, done);
      else done(Object.assign(new Error("EPIPE"), { code: "EPIPE" }));
    }
  }

  test("ends the reading, and is no error", async () => {
    let chunks = 0;
    const endless = (signal: AbortSignal | undefined) =>
      new Readable({
        signal,
        highWaterMark: 1,
        read() {
          chunks += 1;
          this.push(Buffer.alloc(64 * 1024, "x"));
        },
      });
    const fake = new FakeClient({
      createReadStream: (_path, options) => endless(options?.signal),
    });
    const ran = await runCommand(["cat", "/endless"], {
      client: fake.client,
      surroundings: { stdout: new Head() as unknown as OutputStream },
    });
    expect([ran.code, ran.stderr]).toStrictEqual([0, ""]);
    expect(fake.isClosed).toBe(true);
    expect(chunks).toBeLessThan(10);
  });
});
