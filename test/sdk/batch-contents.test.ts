import { expect, test } from "vitest";
import { Batches, sentFiles } from "../../src/sdk/batch-contents.js";
import { kindOfLater } from "../support/error-kind.js";

const FILES = [
  { path: "/a", content: "first" },
  { path: "/empty", content: "" },
  { path: "/b", content: Buffer.from([0, 255]) },
];

async function* bytes(...chunks: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

function write(batches: Batches, request: { files: unknown; chunks: readonly string[] }) {
  const { files, chunks } = request;
  return batches.write({ files, upload: () => bytes(...chunks) }, (filled) => filled);
}

test("a list of files arrives as it was sent, however its bytes are cut", async () => {
  const { files, upload } = sentFiles(FILES);
  const chunks = () => upload.chunks(new AbortController().signal);
  const all = await new Batches().write({ files, upload: chunks }, (filled) => filled);
  expect(all).toStrictEqual(
    FILES.map(({ path, content }) => ({ path, content: Buffer.from(content) })),
  );
  const list = [{ path: "/a", contentBytes: 3 }, "no file", { path: "/b", contentBytes: 2 }];
  expect(await write(new Batches(), { files: list, chunks: ["1", "23", "", "45"] })).toStrictEqual([
    { path: "/a", content: Buffer.from("123") },
    "no file",
    { path: "/b", content: Buffer.from("45") },
  ]);
});

test.each([
  ["no list", { a: 1 }, []],
  ["more bytes than it says", [{ path: "/a", contentBytes: 3 }], ["12", "34"]],
  ["less bytes than it says", [{ path: "/a", contentBytes: 3 }], ["12"]],
  ["more than may be in memory", [{ path: "/a", contentBytes: 2 ** 40 }], []],
] as const)("what is %s is refused, and the next one is written", async (_, files, chunks) => {
  const batches = new Batches();
  expect(await kindOfLater(write(batches, { files, chunks }))).toBe("invalid-argument");
  expect(await write(batches, { files: [], chunks: [] })).toStrictEqual([]);
});

test("of several lists only one is gathered at a time", async () => {
  const batches = new Batches();
  const begun: string[] = [];
  let go: () => void = () => undefined;
  const gone = new Promise<void>((resolve) => {
    go = resolve;
  });
  const upload = (name: string) =>
    async function* () {
      begun.push(name);
      await gone;
      yield Buffer.from("x");
    };
  const files = [{ path: "/a", contentBytes: 1 }];
  const writes = ["first", "second", "third"].map((name) =>
    batches.write({ files, upload: upload(name) }, () => name),
  );
  await new Promise((resolve) => setImmediate(resolve));
  expect(begun).toStrictEqual(["first"]);
  go();
  expect(await Promise.all(writes)).toStrictEqual(["first", "second", "third"]);
  expect(begun).toStrictEqual(["first", "second", "third"]);
});
