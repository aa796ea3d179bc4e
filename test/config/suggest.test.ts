import { describe, expect, test } from "vitest";
import { suggestion } from "../../src/config/suggest.js";

const WORDS = ["data_dir", "tenant_id", "agent_id", "ro"];

describe("suggestion", () => {
  test.each([
    ["datadir", "data_dir"],
    ["tenantid", "tenant_id"],
    ["tenatn_id", "tenant_id"],
    ["agent-id", "agent_id"],
  ])("%s was probably %s", (given, meant) => {
    expect(suggestion(given, WORDS)).toBe(`; did you mean '${meant}'?`);
  });

  test.each(["colour", "x", "rw", ""])("%j is another word", (given) => {
    expect(suggestion(given, WORDS)).toBe("");
  });

  test("is nothing where there are no words", () => {
    expect(suggestion("data_dir", [])).toBe("");
  });
});
