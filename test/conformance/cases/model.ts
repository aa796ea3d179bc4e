import { expect } from "vitest";
import type { PosixCase } from "../posix-case.js";
import { FALLOC, O, type PosixDriver } from "../posix-driver.js";
import { contentOf, pattern, put, randomNumbers, settle } from "../posix-steps.js";

/** Twice the size up to which contents are kept in memory, and some. */
const LARGEST = 150_000;
const STEPS = 120;

/** A file next to the bytes that it must have. */
class ModelledFile {
  readonly #driver: PosixDriver;
  readonly #path = "file";
  readonly #random: () => number;
  #expected = Buffer.alloc(0);
  #fd: number | undefined;

  constructor(driver: PosixDriver, seed: number) {
    this.#driver = driver;
    this.#random = randomNumbers(seed);
  }

  async start(): Promise<void> {
    await put(this.#driver, { path: this.#path });
  }

  /** Does one thing of many. Returns what it was, for the message of a failure. */
  async step(index: number): Promise<string> {
    switch (this.#below(10)) {
      case 0:
      case 1:
      case 2:
        return await this.#write({ offset: this.#below(LARGEST), length: this.#length(), index });
      case 3:
      case 4: {
        const offset = this.#expected.length;
        return await this.#write({ offset, length: this.#below(9000), index });
      }
      case 5:
        return await this.#truncate(this.#below(LARGEST));
      case 6:
        return await this.#fallocate(this.#pick([3, FALLOC.ZERO_RANGE, 0, FALLOC.KEEP_SIZE]));
      case 7:
        return await this.#copy();
      case 8:
        await this.close();
        if (this.#below(2) === 0) return "close";
        await settle(this.#driver, this.#path);
        return "close and settle";
      default:
        await this.close();
        if (this.#below(4) > 0) return "close";
        await put(this.#driver, { path: this.#path });
        this.#expected = Buffer.alloc(0);
        return "O_TRUNC";
    }
  }

  /** The file by its name, and through the open descriptor, is what it must be. */
  async check(story: readonly string[]): Promise<void> {
    const content = await contentOf(this.#driver, this.#path);
    const difference = content.findIndex((byte, at) => byte !== this.#expected[at]);
    const { size } = await this.#driver.stat(this.#path);
    const found = { length: content.length, size, difference, story: story.slice(-12) };
    const { length } = this.#expected;
    expect(found).toEqual({ length, size: length, difference: -1, story: found.story });
  }

  async close(): Promise<void> {
    if (this.#fd !== undefined) await this.#driver.close(this.#fd);
    this.#fd = undefined;
  }

  async #write({ offset, length, index }: { offset: number; length: number; index: number }) {
    const data = pattern(length, index + 1);
    await this.#driver.pwrite(await this.#open(), { offset, data });
    if (length > 0) {
      this.#grow(offset + length);
      this.#expected.set(data, offset);
    }
    return `write ${length} at ${offset}`;
  }

  async #truncate(size: number): Promise<string> {
    if (this.#below(2) === 0) await this.#driver.truncate(this.#path, size);
    else await this.#driver.ftruncate(await this.#open(), size);
    this.#grow(size);
    this.#expected = this.#expected.subarray(0, size);
    return `truncate to ${size}`;
  }

  async #fallocate(mode: number): Promise<string> {
    const [offset, length] = [this.#below(LARGEST), 1 + this.#below(40_000)];
    await this.#driver.fallocate(await this.#open(), { offset, length, mode });
    if ((mode & FALLOC.KEEP_SIZE) === 0) this.#grow(offset + length);
    if ((mode & (FALLOC.PUNCH_HOLE | FALLOC.ZERO_RANGE)) !== 0) {
      this.#expected.fill(
        0,
        Math.min(offset, this.#expected.length),
        Math.min(offset + length, this.#expected.length),
      );
    }
    return `fallocate mode ${mode}, ${length} at ${offset}`;
  }

  /** Part of the file onto another part of it. */
  async #copy(): Promise<string> {
    const size = this.#expected.length;
    const offset = this.#below(size + 1);
    const length = Math.min(this.#below(30_000), size - offset);
    const toOffset = offset + length + this.#below(20_000);
    const fd = await this.#open();
    for (let done = 0; done < length; ) {
      const rest = { offset: offset + done, toOffset: toOffset + done, length: length - done };
      const copied = await this.#driver.copyFileRange(fd, { ...rest, to: fd });
      expect(copied).toBeGreaterThan(0);
      done += copied;
    }
    if (length > 0) {
      this.#grow(toOffset + length);
      this.#expected.copyWithin(toOffset, offset, offset + length);
    }
    return `copy ${length} from ${offset} to ${toOffset}`;
  }

  async #open(): Promise<number> {
    this.#fd ??= await this.#driver.open(this.#path, { flags: O.RDWR });
    return this.#fd;
  }

  #grow(size: number): void {
    if (size <= this.#expected.length) return;
    this.#expected = Buffer.concat([this.#expected], size);
  }

  #length(): number {
    return this.#pick([1, this.#below(100), this.#below(5000), this.#below(70_000)]);
  }

  #pick(choices: readonly number[]): number {
    return choices[this.#below(choices.length)] ?? 0;
  }

  #below(limit: number): number {
    return this.#random() % limit;
  }
}

/** A file does what a buffer does, whatever happens to it in whatever order. */
export const MODEL_CASES: readonly PosixCase[] = [1, 2, 3, 4, 5, 6].map((seed) => ({
  name: `a file stays what a buffer in memory is, through ${STEPS} random changes (seed ${seed})`,
  notOnTmpfs: "it has no FALLOC_FL_ZERO_RANGE",
  async run({ driver }) {
    const file = new ModelledFile(driver, seed * 1000);
    await file.start();
    const story: string[] = [];
    try {
      for (let index = 0; index < STEPS; index++) {
        story.push(await file.step(index));
        if (index % 3 === 0) await file.check(story);
      }
      await file.check(story);
    } finally {
      await file.close();
    }
    await settle(driver, "file");
    await file.check(story);
  },
}));
