import { expect, test } from "vitest";
import { mimeTypeOf } from "../../src/core/mime-type.js";

test.each([
  ["report.pdf", "application/pdf"],
  ["photo.JPG", "image/jpeg"],
  ["data.tar.gz", "application/gzip"],
  ["notes.md", "text/markdown"],
  ["job.json", "application/json"],
])("%s is %s", (name, type) => {
  expect(mimeTypeOf(name)).toBe(type);
});

test.each(["README", ".json", ".bashrc", "name.", "file.unknown-extension", "pdf"])(
  "%s suggests nothing",
  (name) => {
    expect(mimeTypeOf(name)).toBeUndefined();
  },
);
