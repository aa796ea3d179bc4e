import { createHash } from "node:crypto";
import { Readable, Writable } from "node:stream";
import { pack } from "tar-stream";
import { expect, test } from "vitest";
import { openImport } from "../../../src/features/transfer/import-source.js";
import { kindOfLater } from "../../support/error-kind.js";
import { TransferWorld } from "./transfer-world.js";

const CONTENTS = [10_000, 1, 700, 512].map((size) => Buffer.alloc(size, `${size}`));

async function archive(): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name: "metadata.jsonl" }, "{}\n".repeat(400));
  for (const content of CONTENTS) {
    tar.entry({ name: `blobs/${createHash("sha256").update(content).digest("hex")}` }, content);
  }
  tar.finalize();
  return Buffer.concat(await Readable.from(tar).toArray());
}

function inChunks(bytes: Uint8Array, size: number): Readable {
  const count = Math.ceil(bytes.length / size);
  const chunks = Array.from({ length: count }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
  return Readable.from(chunks);
}

/** Reads all of it; between one step and the next the event loop turns so often. */
async function readAll(source: Readable, turns: number): Promise<number> {
  let count = 0;
  const pause = async () => {
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
  };
  const { lines, contents } = await openImport(source, undefined);
  await pause();
  for await (const chunk of lines) count += chunk.length;
  for await (const { bytes } of contents) {
    await pause();
    for await (const chunk of bytes) {
      count += chunk.length;
      await pause();
    }
  }
  return count;
}

test("an archive that breaks off fails in one way, however fast it comes and is read", async () => {
  const whole = await archive();
  const said = new Set<string>();
  for (const end of [700, 1500, 2100, 2600, 8000, 12_600, 13_500, 14_700]) {
    for (const size of [100, 512, 100_000]) {
      for (const turns of [0, 1, 5]) {
        const reading = readAll(inChunks(whole.subarray(0, end), size), turns);
        const { name, kind, message } = await reading.then(
          () => ({ name: "", kind: "", message: `nothing failed at ${end}` }),
          (error) => error,
        );
        said.add(`${name} ${kind}: ${message}`);
      }
    }
  }
  expect([...said]).toStrictEqual([
    "NexusError invalid-argument: the archive can't be read: Unexpected end of data",
  ]);
  expect(await readAll(inChunks(whole, 512), 1)).toBe(1200 + 11_213);
});

test("what fails in the source of an archive stays that failure, however late it is heard", async () => {
  const whole = await archive();
  const failure = Object.assign(new Error("the disk is gone"), { code: "EIO" });
  for (const end of [600, 2600, 8000]) {
    for (const turns of [0, 1, 5]) {
      const source = Readable.from(
        (async function* () {
          yield whole.subarray(0, end);
          throw failure;
        })(),
      );
      await expect(readAll(source, turns)).rejects.toBe(failure);
    }
  }
});

test("an archive that is no archive further on is refused while the rest is awaited", async () => {
  const whole = await archive();
  const broken = Buffer.from(whole.subarray(0, 4096));
  broken.fill("x", 2048, 2560);
  const source = Readable.from(
    (async function* () {
      yield broken;
      await new Promise(() => undefined);
    })(),
  );
  await expect(readAll(source, 1)).rejects.toMatchObject({
    kind: "invalid-argument",
    message: expect.stringMatching(/^the archive can't be read: Invalid tar header/),
  });
});

test("an abort is an abort, wherever in an archive it comes", async () => {
  const world = new TransferWorld();
  await world.put("/a", "alpha".repeat(1000));
  const parts: Buffer[] = [];
  const target = new Writable({
    write: (chunk, _encoding, done) => {
      parts.push(chunk);
      done();
    },
  });
  await world.transfer().exportMetadata(target, { withContent: true });
  const whole = Buffer.concat(parts);
  for (const end of [200, 700, 1100, 1600, 4000, whole.length]) {
    const abort = new AbortController();
    const source = new Readable({ read: () => setImmediate(() => abort.abort()) });
    source.push(whole.subarray(0, end));
    const importing = world.transfer().importMetadata(source, { signal: abort.signal });
    expect([end, await kindOfLater(importing)]).toStrictEqual([end, "interrupted"]);
  }
});
