import { Readable } from "node:stream";
import { pack } from "tar-stream";
import { describe, expect, test } from "vitest";
import { caller } from "../../vfs/world.js";
import { ADMIN, lineOf, sha256, TransferWorld } from "./transfer-world.js";

async function filled(): Promise<TransferWorld> {
  const world = new TransferWorld();
  await world.put("/source", "text");
  return world;
}

/** What an import of these lines says, kind first; a dry run has to say the same. */
async function said(world: TransferWorld, { lines, as = ADMIN }: { lines: string[]; as?: object }) {
  const answer = async (dryRun: boolean): Promise<string> => {
    const source = Readable.from(lines.map((line) => Buffer.from(line)));
    const importing = world.transfer({ ...ADMIN, ...as }).importMetadata(source, { dryRun });
    return await importing.then(
      () => "nothing failed",
      ({ kind, message }) => `${kind}: ${message}`,
    );
  };
  const dry = await answer(true);
  const real = await answer(false);
  expect(dry).toBe(real);
  return real;
}

function nested(levels: number): unknown {
  return JSON.parse("[".repeat(levels) + "]".repeat(levels));
}

/** JSON.stringify would exhaust the stack. */
function lineWith(path: string, { key, json }: { key: string; json: string }): string {
  return lineOf(path, "text", { [key]: "JSON" }).replace('"JSON"', json);
}

describe("a path that two lines need for a file and for a directory is refused by line", () => {
  test("the file first, however far below the other one lies", async () => {
    const world = await filled();
    for (const below of ["/good/x", "/good/y/z"]) {
      const lines = [lineOf("/good", "text"), "\n", lineOf(below, "text")];
      expect(await said(world, { lines })).toBe(
        `invalid-argument: line 3: ${below} can't lie below /good, a file at line 1`,
      );
    }
    expect(await world.exists("/good")).toBe(false);
  });

  test("the directory first", async () => {
    const world = await filled();
    const lines = ["/rr/b/c", "/rr/b/d", "/rr/bb", "/rr/b"].map((path) => lineOf(path, "text"));
    expect(await said(world, { lines })).toBe(
      "invalid-argument: line 4: /rr/b can't be a file: /rr/b/c at line 1 lies below it",
    );
    expect(await world.exists("/rr")).toBe(false);
    const without = lines.slice(0, 3);
    const result = await world.transfer().importMetadata(Readable.from(without));
    expect(result.created).toBe(3);
  });
});

describe("a cycle of dependencies is refused by line", () => {
  const waiting = (path: string, ...targets: string[]) => {
    const depends_on = JSON.stringify(targets);
    return lineOf(path, "text", { custom_metadata: { status: "blocked", depends_on } });
  };
  const refused = (line: number, { path, by }: { path: string; by: string }) =>
    `invalid-argument: line ${line}: ${path}: '${by}' waits for this item: a cycle of dependencies would never be ready`;

  test("of one line, and of several", async () => {
    const world = await filled();
    expect(await said(world, { lines: [waiting("/x", "/x")] })).toBe(
      refused(1, { path: "/x", by: "/x" }),
    );
    const lines = [
      waiting("/jobs/before", "/jobs/one"),
      waiting("/jobs/one", "/jobs/free", "/jobs/two"),
      waiting("/jobs/two", "/jobs/one"),
      waiting("/jobs/free"),
    ];
    expect(await said(world, { lines })).toBe(refused(2, { path: "/jobs/one", by: "/jobs/two" }));
    expect(await world.exists("/jobs")).toBe(false);
  });

  test("that leads over items that are there", async () => {
    const world = await filled();
    await world.put("/old", "text", { status: "blocked", depends_on: '["/jobs/new"]' });
    expect(await said(world, { lines: [waiting("/jobs/new", "/old")] })).toBe(
      refused(1, { path: "/jobs/new", by: "/old" }),
    );
    await world.put("/jobs/new", "text", { status: "ready" });
    expect(await said(world, { lines: [waiting("/jobs/new", "/old")] })).toBe(
      refused(1, { path: "/jobs/new", by: "/old" }),
    );
  });

  test("but a long chain and a diamond are no cycle, nor is one that the import undoes", async () => {
    const world = await filled();
    await world.put("/old", "text", { status: "ready" });
    await world.put("/older", "text", { status: "blocked", depends_on: "/old" });
    const chain = Array.from({ length: 3000 }, (_, index) =>
      waiting(`/chain/${index}`, `/chain/${index + 1}`),
    );
    const lines = [
      waiting("/top", "/left", "/right"),
      waiting("/left", "/end"),
      waiting("/right", "/end"),
      waiting("/old", "/older"),
      waiting("/older"),
    ];
    const result = await world.transfer().importMetadata(Readable.from([...lines, ...chain]));
    expect(result).toMatchObject({ created: 3003, updated: 2 });
  });
});

test("JSON that is nested too deep is refused by line, wherever it is in the line", async () => {
  const world = await filled();
  const json = "[".repeat(100_000) + "]".repeat(100_000);
  const problem = "Invalid JSON at line 2: the object has more than 1000 levels";
  const good = lineOf("/good", "text");
  const metadata = `{"deep":${json}}`;
  for (const broken of [
    lineWith("/deep", { key: "unknown", json }),
    lineWith("/deep", { key: "custom_metadata", json: metadata }),
  ]) {
    expect(await said(world, { lines: [good, broken] })).toBe(`invalid-argument: ${problem}`);
  }
  expect(await said(world, { lines: [good, `${json}\n`] })).toBe(
    "invalid-argument: No JSON object at line 2",
  );
  const most = { custom_metadata: { deep: nested(998) } };
  expect(await said(world, { lines: [lineOf("/deep", "text", most)] })).toBe("nothing failed");
});

test("base64 of any length is read or refused by line", async () => {
  const world = await filled();
  const line = (base64: string) => lineOf("/raw", "text", { custom_metadata: { raw: { base64 } } });
  expect(await said(world, { lines: [line("A".repeat(20_000_000))] })).toMatch(
    /^attribute-too-large: line 1: \/raw: /,
  );
  for (const broken of ["AAA", "AA=A", "A===", "AAAA=", "====", "AA A"]) {
    expect(await said(world, { lines: [line(broken)] })).toMatch(
      /^invalid-argument: Invalid field at line 1: .*base64, in "\/raw"$/,
    );
  }
});

test("whatever is wrong with a line, it is told with its number and its whole path", async () => {
  const alice = caller("acme", "alice");
  const cases: [line: string, path: string, as?: object][] = [
    [lineOf("/a/b", "text", { size: -1 }), "/a/b"],
    [lineOf(`/a/${"n".repeat(256)}`, "text"), `/a/${"n".repeat(256)}`],
    [lineOf("/a/b/\u0001", "text"), "/a/b/\\u0001"],
    [lineOf("/a/b", "text", { custom_metadata: { depends_on: "/" } }), "/a/b"],
    [lineOf("/a/b", "text", { custom_metadata: { depends_on: "/a b\u0001" } }), "/a/b"],
    [lineOf("/archives/t/x", "text"), "/archives/t/x"],
    [lineOf("/workspace/acme/bob/x", "text"), "/workspace/acme/bob/x", alice],
    [
      lineOf("/workspace/acme/alice/x", "", {
        custom_metadata: { depends_on: "/workspace/acme/bob/y" },
      }),
      "/workspace/acme/alice/x",
      alice,
    ],
  ];
  const world = await filled();
  for (const [line, path, as = ADMIN] of cases) {
    const message = await said(world, { lines: ["\n", line], as });
    expect([message, message.includes(path)]).toStrictEqual([
      expect.stringMatching(/^[a-z-]+: (Invalid \w+ at )?line 2: /),
      true,
    ]);
  }
});

test("a content that is damaged in its archive is told with the line that needs it", async () => {
  const archive = pack();
  archive.entry({ name: "metadata.jsonl" }, `\n${lineOf("/a/b", "beta")}`);
  archive.entry({ name: `blobs/${sha256("beta")}` }, "Beta");
  archive.finalize();
  const bytes = Buffer.concat(await Readable.from(archive).toArray());
  const world = new TransferWorld();
  await expect(world.transfer().importMetadata(Readable.from([bytes]))).rejects.toMatchObject({
    kind: "invalid-argument",
    message: expect.stringMatching(/^line 2: the content of \/a\/b is damaged in the archive: /),
  });
});

test("a line that is too long for an export is told with its number", async () => {
  const megabyte = Buffer.alloc(1024 * 1024, "x");
  const endless = Readable.from(
    (function* () {
      yield Buffer.from("\n\n");
      for (;;) yield megabyte;
    })(),
  );
  const world = new TransferWorld();
  await expect(world.transfer().importMetadata(endless)).rejects.toMatchObject({
    kind: "invalid-argument",
    message: "Invalid line 3: a line has at most 67108864 bytes",
  });
});
