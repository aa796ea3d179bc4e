import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { outcomeOf } from "../conformance/posix-case.js";
import { O } from "../conformance/posix-driver.js";
import { SystemDriver } from "../conformance/system-driver.js";
import { Mounted, shell, whyNoMounts } from "../support/daemon.js";

const BYTES = Array.from({ length: 256 }, (_, byte) => byte);
const SLASH = 0x2f;
/** What each byte in a name comes to. */
const outcomeFor = (byte: number) => {
  if (byte < 0x20 || byte === 0x7f) return "EINVAL";
  return byte < 0x80 ? "success" : "EILSEQ";
};

/** Where UTF-8 ends: lengths that don't fit, what is too long for its character, surrogates, beyond the last. */
const NO_UTF_8 = [
  ...["80", "bf", "c0 80", "c0 af", "c1 bf", "e0 80 af", "e0 9f bf", "f0 80 80 af", "f0 8f bf bf"],
  ...[
    "ed a0 80",
    "ed af bf",
    "ed b0 80",
    "ed bf bf",
    "ed a0 80 ed b0 80",
    "f4 90 80 80",
    "f7 bf bf bf",
  ],
  ...[
    "f8 88 80 80 80",
    "fc 84 80 80 80 80",
    "fe",
    "ff",
    "c3",
    "e2 82",
    "f0 9f 98",
    "c3 28",
    "e2 28 a1",
  ],
];
const UTF_8 = [
  "c2 a0",
  "df bf",
  "e0 a0 80",
  "ed 9f bf",
  "ee 80 80",
  "ef bf bf",
  "f0 90 80 80",
  "f4 8f bf bf",
];

/** The same for an attribute's name, which no line of a log and no terminal has to take. */
const outcomeForAttribute = (byte: number) => (byte < 0x80 ? "success" : "EILSEQ");
/** Sets an attribute of each name, finds it in the list, reads it, and removes it. */
const NAME_OF_EACH_BYTE = `
import errno, json, os
def use(name):
    os.setxattr("file", name, name)
    assert name in map(os.fsencode, os.listxattr("file"))
    assert os.getxattr("file", name) == name
    os.removexattr("file", name)
outcomes = []
for byte in range(1, 256):
    try:
        use(b"user.a" + bytes([byte]))
        outcomes.append([byte, "success"])
    except OSError as error:
        outcomes.append([byte, errno.errorcode[error.errno]])
print(json.dumps(outcomes))`;

const bytesOf = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");

describe.skipIf(whyNoMounts() !== undefined)("every byte, on a mount", () => {
  let mounted: Mounted;
  let driver = new SystemDriver("/nonexistent");

  beforeAll(async () => {
    mounted = await Mounted.start();
    driver = new SystemDriver(mounted.mountPoint);
  });

  afterAll(async () => {
    await mounted?.stop();
  });

  /** Makes a file of this name, sees that it is listed so, and removes it. */
  async function outcomeOfName(name: Uint8Array): Promise<string> {
    const use = async () => {
      const fd = await driver.open(name, { flags: O.WRONLY | O.CREAT | O.EXCL, mode: 0o600 });
      await driver.close(fd);
      await driver.stat(name);
      await driver.unlink(name);
    };
    return await outcomeOf(use());
  }

  test.each(["", "a", "ü"])(
    "in a name after '%s' is part of it, or refused by its kind",
    async (before) => {
      for (const byte of BYTES.filter((byte) => byte !== 0 && byte !== SLASH)) {
        const name = Buffer.concat([Buffer.from(before), Buffer.from([byte])]);
        const isDot = before === "" && byte === 0x2e;
        expect([byte, await outcomeOfName(name)]).toEqual([
          byte,
          isDot ? "EEXIST" : outcomeFor(byte),
        ]);
      }
    },
  );

  test.each(NO_UTF_8)("%s is no UTF-8, and no name", async (hex) => {
    expect(await outcomeOfName(bytesOf(hex))).toBe("EILSEQ");
  });

  test.each(UTF_8)("%s is the first or last of its length, and a name", async (hex) => {
    expect(await outcomeOfName(bytesOf(hex))).toBe("success");
  });

  test("in an attribute's value comes back as it is, and alone", async () => {
    await driver.close(await driver.open("file", { flags: O.WRONLY | O.CREAT, mode: 0o600 }));
    for (const value of [...BYTES.map((byte) => Buffer.from([byte])), Buffer.from(BYTES)]) {
      await driver.setxattr("file", { name: "user.value", value });
      expect(await driver.getxattr("file", { name: "user.value" })).toEqual(value);
    }
  });

  test("in an attribute's name is part of it, or refused by its kind", async () => {
    const out = await shell(`python3 -c '${NAME_OF_EACH_BYTE}'`, { cwd: mounted.mountPoint });
    const outcomes = JSON.parse(out) as [number, string][];
    expect(outcomes).toStrictEqual(BYTES.slice(1).map((byte) => [byte, outcomeForAttribute(byte)]));
  });

  test("the daemon had nothing to complain about", () => {
    expect(mounted.troubles).toEqual([]);
  });
});
