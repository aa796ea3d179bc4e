import { describe, expect, test } from "vitest";
import { printJson, printJsonList, toJson } from "../../../src/cli/terminal/json.js";
import { Output, type OutputStream } from "../../../src/cli/terminal/output.js";
import { Screen } from "../run-command.js";

describe("JSON", () => {
  test("has keys in snake_case, all of them, and times as ISO 8601", () => {
    const value = {
      pathId: "x",
      etag: undefined,
      createdAt: new Date(0),
      list: [{ sizeBytes: 1 }],
    };
    expect(toJson(value)).toStrictEqual({
      path_id: "x",
      etag: null,
      created_at: "1970-01-01T00:00:00.000Z",
      list: [{ size_bytes: 1 }],
    });
  });

  test("keeps the keys of somebody's data, and bytes", () => {
    const metadata = new Map<string, string | Buffer>([
      ["camelKey", "text"],
      ["bytes", Buffer.from([0xff])],
    ]);
    expect(toJson({ metadata })).toStrictEqual({
      metadata: { camelKey: "text", bytes: { base64: "/w==" } },
    });
  });

  test.each(["pipe", "terminal"] as const)(
    "to a %s is the same value, and commands no terminal",
    async (kind) => {
      const value = { name: "\u001b[2J\u009b1m\u007f" };
      const screen = new Screen(kind);
      const output = new Output(screen as unknown as OutputStream);
      await printJson(output, value);
      expect(JSON.parse(screen.text)).toStrictEqual(value);
      expect(screen.text.includes("\u009b")).toBe(kind === "pipe");
      expect(screen.text).not.toContain("\u001b");
    },
  );

  test.each([
    [[], "[]\n"],
    [[{ a: 1 }], '[\n{"a":1}\n]\n'],
    [["/a", "/b"], '[\n"/a",\n"/b"\n]\n'],
  ])("of a list has an entry a line: %j", async (values, text) => {
    const screen = new Screen();
    await printJsonList(new Output(screen as unknown as OutputStream), values);
    expect(screen.text).toBe(text);
    expect(JSON.parse(screen.text)).toStrictEqual(values);
  });
});
