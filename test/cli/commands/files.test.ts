import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { FileStat, WriteOptions } from "../../../src/features/files/files.js";
import { NexusError } from "../../../src/model/errors.js";
import type { ContentHash, PathId } from "../../../src/model/ids.js";
import { testDir } from "../../support/temp-dir.js";
import { each, fakeClient, listedFile } from "../fake-client.js";
import { input, keyboard, runCommand } from "../run-command.js";

const STAT: FileStat = {
  ...listedFile("/jobs/a"),
  pathId: "0f6e1f6c-6a39-4a5b-8e0f-2d0b5d3c1a11" as PathId,
  etag: "ab".repeat(32) as ContentHash,
  version: 3,
  mimeType: undefined,
  accessedAt: new Date(0),
  changedAt: new Date(0),
  exactTimes: { createdAt: { sec: 0, nsec: 0 }, modifiedAt: { sec: 0, nsec: 0 } },
  tenantId: undefined,
  agentId: undefined,
};

const ENTRIES = [
  listedFile("/jobs/a.json", { size: 1_300_000 }),
  listedFile("/jobs/done", { type: "directory" }),
  listedFile("/jobs/link", { type: "symlink", mode: 0o777 }),
  listedFile("/jobs/run.sh", { mode: 0o4755, nlink: 12 }),
];

describe("nexus ls", () => {
  const client = fakeClient({ walk: () => each(ENTRIES) });

  test("prints names, one a line, to a pipe", async () => {
    const { stdout } = await runCommand(["ls", "/jobs"], { client });
    expect(stdout).toBe("a.json\ndone\nlink\nrun.sh\n");
  });

  test("prints names side by side on a terminal, in colours if it has them", async () => {
    const plain = await runCommand(["ls", "/jobs"], { client, stdout: "terminal" });
    expect(plain.stdout).toBe("a.json  done/   link    run.sh\n");
    const coloured = await runCommand(["ls", "/jobs"], { client, stdout: "colours" });
    expect(coloured.stdout).toBe(
      "a.json  \u001b[34mdone\u001b[39m    \u001b[36mlink\u001b[39m    \u001b[32mrun.sh\u001b[39m\n",
    );
  });

  test("fills columns from top to bottom when they don't fit in one row", async () => {
    const names = Array.from(
      { length: 20 },
      (_, index) => `/file-${String(index).padStart(2, "0")}`,
    );
    const many = fakeClient({ walk: () => each(names.map((name) => listedFile(name))) });
    const { stdout } = await runCommand(["ls"], { client: many, stdout: "terminal" });
    const [first = "", ...others] = stdout.trimEnd().split("\n");
    expect(first).toBe("file-00  file-03  file-06  file-09  file-12  file-15  file-18");
    expect(others).toHaveLength(2);
  });

  test("-l has what ls -lh has", async () => {
    const { stdout } = await runCommand(["ls", "-l", "/jobs"], { client });
    const time = /[A-Z][a-z]{2} 15 \d\d:\d\d/;
    const lines = stdout.trimEnd().split("\n");
    expect(lines.map((line) => line.replace(time, "TIME"))).toStrictEqual([
      "-rw-r--r--  1 4000000 4000001 1.3M TIME a.json",
      "drwxr-xr-x  2 4000000 4000001   12 TIME done",
      "lrwxrwxrwx  1 4000000 4000001   12 TIME link",
      "-rwsr-xr-x 12 4000000 4000001   12 TIME run.sh",
    ]);
  });

  test("-r prints paths", async () => {
    const asked: unknown[] = [];
    const recorded = fakeClient({
      walk: (options) => {
        asked.push(options);
        return each(ENTRIES);
      },
    });
    const { stdout } = await runCommand(["ls", "-r", "/jobs"], { client: recorded });
    expect(stdout).toBe("/jobs/a.json\n/jobs/done\n/jobs/link\n/jobs/run.sh\n");
    expect(asked).toMatchObject([{ prefix: "/jobs", recursive: true, directories: true }]);
  });

  test("--json has bytes and ISO dates", async () => {
    const { stdout } = await runCommand(["ls", "--json", "/jobs"], { client });
    const [first] = JSON.parse(stdout);
    expect(first).toMatchObject({
      ...{ path: "/jobs/a.json", type: "file", size: 1_300_000 },
      modified_at: "2026-06-15T10:00:00.000Z",
    });
  });
});

describe("nexus write", () => {
  /** Takes one write; what was written is in `written`. */
  function writing() {
    const written: { path: string; text: string; options: WriteOptions | undefined }[] = [];
    const client = fakeClient({
      write: async (path, content, options) => {
        let text = "";
        if (typeof content === "string") text = content;
        else for await (const chunk of content as AsyncIterable<Buffer>) text += chunk.toString();
        written.push({ path, text, options });
        return STAT;
      },
    });
    return { client, written };
  }

  test.each([
    ["an argument", ["hello"], ""],
    ["nothing, which is a content too", [""], "from stdin"],
    ["standard input", ["-"], "from stdin"],
    ["standard input when nothing is said", [], "from stdin"],
    ["standard input by name", ["-i", "-"], "from stdin"],
  ])("takes the content from %s, and says nothing", async (_, words, stdin) => {
    const { client, written } = writing();
    const ran = await runCommand(["write", "/jobs/a", ...words], { client, stdin: input(stdin) });
    expect([ran.code, ran.stdout, ran.stderr]).toStrictEqual([0, "", ""]);
    const [word] = words;
    const text = word === undefined || word.startsWith("-") ? stdin : word;
    expect(written).toMatchObject([{ path: "/jobs/a", text }]);
  });

  test("takes it from a file of the host", async () => {
    const file = join(testDir(), "file");
    writeFileSync(file, "from a file");
    const { client, written } = writing();
    await runCommand(["write", "/jobs/a", "-i", file], { client });
    expect(written).toMatchObject([{ text: "from a file" }]);
  });

  test.each([
    ["of two contents", ["text", "-i", "file"], keyboard(), 2, /don't go together/],
    ["of nothing at a terminal", [], keyboard(), 2, /there is no content/],
    [
      "of a file that isn't there",
      ["-i", "/nonexistent/x"],
      input(""),
      1,
      /x can't be read: there is no such file$/,
    ],
    ["of a directory", ["-i", "/"], input(""), 1, /\/ can't be read: it is a directory$/],
  ] as const)("makes nothing %s", async (_, words, stdin, expected, message) => {
    const { client, written } = writing();
    const { code, stderr } = await runCommand(["write", "/a", ...words], { client, stdin });
    expect([code, written]).toStrictEqual([expected, []]);
    expect(stderr.trimEnd()).toMatch(message);
  });

  test("with --append adds to what is there, with any source but no condition", async () => {
    const appended: string[] = [];
    const client = fakeClient({
      append: async (path, content, options) => {
        let text = "";
        for await (const chunk of content as AsyncIterable<Buffer>) text += String(chunk);
        options?.onProgress?.(3);
        appended.push(`${path}: ${text}`);
        return STAT;
      },
    });
    const run = (...words: string[]) =>
      runCommand(["write", "--append", "/log", ...words], { client, stdin: input("from stdin") });
    expect(await run("-")).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect(await run("text")).toMatchObject({ code: 0 });
    expect(appended).toStrictEqual(["/log: from stdin", "/log: text"]);
    const { code, stderr } = await run("x", "--if-match", "e1");
    expect([code, stderr]).toStrictEqual([2, "nexus: --if-match and --append don't go together\n"]);
    expect(appended).toHaveLength(2);
  });

  test("hands on what the content must be, and prints what it is", async () => {
    const { client, written } = writing();
    const args = ["write", "/jobs/a", "x", "--if-match", "e1", "--if-none-match", "*", "--json"];
    const { stdout } = await runCommand(args, { client });
    expect(written).toMatchObject([{ options: { ifMatch: "e1", ifNoneMatch: "*" } }]);
    expect(JSON.parse(stdout)).toMatchObject({
      etag: "ab".repeat(32),
      version: 3,
      mime_type: null,
    });
  });
});

describe("nexus cp and nexus mv", () => {
  test.each([
    ["cp", "/a/b", "/to"],
    ["mv", "/a/b", "/to"],
  ])("%s puts something into a directory, or at a path", async (verb, from, to) => {
    const done: string[][] = [];
    const record = async (source: string, target: string) => void done.push([source, target]);
    const client = fakeClient({
      ...{ copy: record, move: record },
      isDirectory: async (path) => path === "/dir",
    });
    await runCommand([verb, from, to], { client });
    await runCommand([verb, from, "/dir"], { client });
    expect(done).toStrictEqual([
      [from, to],
      [from, "/dir/b"],
    ]);
  });

  test("cp -n leaves what is there, and -r takes a tree", async () => {
    const asked: unknown[] = [];
    const client = fakeClient({
      copy: async (_from, _to, options) => void asked.push(options),
      isDirectory: async () => false,
    });
    await runCommand(["cp", "/a", "/b"], { client });
    await runCommand(["cp", "-rn", "/a", "/b"], { client });
    expect(asked).toMatchObject([
      { recursive: false, overwrite: true },
      { recursive: true, overwrite: false },
    ]);
  });
});

describe("nexus rm", () => {
  function removing() {
    const removed: string[] = [];
    const client = fakeClient({
      delete: async (path, options) => {
        if (path === "/dir") throw new NexusError("is-a-directory", "/dir is a directory");
        if (path === "/no" && options?.missingOk !== true)
          throw new NexusError("not-found", "no /no");
        removed.push(path);
      },
      rmdir: async (path, options) => void removed.push(`${path} ${JSON.stringify(options)}`),
    });
    return { client, removed };
  }

  test("goes on after what can't be removed", async () => {
    const { client, removed } = removing();
    const { code, stderr } = await runCommand(["rm", "/a", "/no", "/dir", "/b"], { client });
    expect([code, stderr]).toStrictEqual([1, "nexus: no /no\nnexus: /dir is a directory\n"]);
    expect(removed).toStrictEqual(["/a", "/b"]);
  });

  test("-r takes directories, -f what isn't there", async () => {
    const { client, removed } = removing();
    const { code } = await runCommand(["rm", "-rf", "/no", "/dir"], { client });
    expect(code).toBe(0);
    expect(removed).toStrictEqual(["/no", '/dir {"recursive":true,"missingOk":true}']);
  });
});

describe("nexus tree", () => {
  const tree: Record<string, ReturnType<typeof listedFile>[]> = {
    "/": [listedFile("/a", { type: "directory" }), listedFile("/z")],
    "/a": [listedFile("/a/b", { type: "directory" }), listedFile("/a/c")],
    "/a/b": [listedFile("/a/b/d")],
  };
  const client = fakeClient({ walk: (options) => each(tree[options?.prefix ?? ""] ?? []) });

  test("draws directories and counts", async () => {
    const { stdout } = await runCommand(["tree", "/"], { client });
    expect(stdout).toBe(
      ["/", "├── a", "│   ├── b", "│   │   └── d", "│   └── c", "└── z"]
        .concat("", "2 directories, 3 files", "")
        .join("\n"),
    );
  });

  test("-L ends at a level", async () => {
    const { stdout } = await runCommand(["tree", "-L", "1", "/"], { client });
    expect(stdout).toBe("/\n├── a\n└── z\n\n1 directory, 1 file\n");
  });

  test("--json nests", async () => {
    const { stdout } = await runCommand(["tree", "--json", "-L", "2", "/"], { client });
    const node = (path: string, type: string) => ({
      ...{ name: path.split("/").at(-1), path, type, size: 12 },
    });
    expect(JSON.parse(stdout)).toStrictEqual([
      {
        ...node("/a", "directory"),
        children: [node("/a/b", "directory"), node("/a/c", "file")],
      },
      node("/z", "file"),
    ]);
  });
});

describe("nexus info", () => {
  const metadata = new Map<string, string | Buffer>([
    ["status", "blocked"],
    ["raw", Buffer.from([0xff, 0])],
  ]);
  const dependency = { reference: "/jobs/b", state: "failed", path: "/jobs/b" } as const;
  const client = fakeClient({
    stat: async () => STAT,
    metadata: { list: async () => metadata },
    queue: {
      dependencies: async () => [dependency],
      get: async () => Object.assign({}, { state: "blocked", attempts: 2 }) as never,
    },
  });

  test("has the file, its metadata and what it waits for", async () => {
    const { stdout } = await runCommand(["info", "/jobs/a"], { client });
    expect(stdout).toMatch(
      /^Path {6}\/jobs\/a\nType {6}file\nSize {6}12\nMode {6}-rw-r--r-- \(0644\)\n/,
    );
    expect(stdout).toContain("\nMetadata\n  status  blocked\n  raw     <2 bytes>\n");
    expect(stdout).toContain("\nDepends on\n  failed  /jobs/b\n");
  });

  test("--json has the same", async () => {
    const { stdout } = await runCommand(["info", "--json", "/jobs/a"], { client });
    expect(JSON.parse(stdout)).toMatchObject({
      path_id: STAT.pathId,
      metadata: { status: "blocked", raw: { base64: "/wA=" } },
      dependencies: [dependency],
    });
  });
});

describe("nexus meta", () => {
  const bytes = Buffer.from([0x61, 0xff]);
  const client = fakeClient({
    metadata: {
      getBytes: async (_path, key) => (key === "k" ? bytes : undefined),
      remove: async () => false,
    },
  });

  test("get prints a value byte for byte, and a newline", async () => {
    const { printed } = await runCommand(["meta", "get", "/a", "k"], { client });
    expect(printed).toStrictEqual(Buffer.concat([bytes, Buffer.from("\n")]));
    const { stdout } = await runCommand(["meta", "get", "/a", "k"], { client, stdout: "terminal" });
    expect(stdout).toBe("a\ufffd\n");
  });

  test.each([["get"], ["rm"]])("%s of what isn't there ends with 1", async (verb) => {
    const { code, stderr } = await runCommand(["meta", verb, "/a", "none"], { client });
    expect([code, stderr]).toStrictEqual([1, "nexus: /a has no value 'none'\n"]);
  });

  test("set takes a text, or standard input as it is", async () => {
    const set: unknown[] = [];
    const recorded = fakeClient({ metadata: { set: async (...args) => void set.push(args) } });
    await runCommand(["meta", "set", "/a", "k", "v"], { client: recorded });
    await runCommand(["meta", "set", "/a", "k", "-"], { client: recorded, stdin: input("in\n") });
    expect(set).toStrictEqual([
      ["/a", "k", "v"],
      ["/a", "k", Buffer.from("in\n")],
    ]);
  });
});
