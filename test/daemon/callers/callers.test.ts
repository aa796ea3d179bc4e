import { describe, expect, test } from "vitest";
import type { IdentityRule } from "../../../src/config/config.js";
import { Callers } from "../../../src/daemon/callers/callers.js";
import type { UserDatabase } from "../../../src/daemon/callers/user-database.js";
import type { Identity } from "../../../src/model/identity.js";
import type { AgentId, TenantId } from "../../../src/model/ids.js";
import { messageThrown } from "../../support/error-kind.js";

const OWN: Identity = { isAdmin: false };
const OWNER = 1000;
const OPS = 50;
const ADA = 1001;
const BOB = 1002;

const USERS: UserDatabase = {
  uidOf: (name) => ({ ada: ADA, bob: BOB })[name],
  gidOf: (name) => ({ ops: OPS })[name],
  primaryGidOf: (uid) => (uid === ADA ? 100 : undefined),
  membersOf: (gid) => new Set(gid === OPS ? [BOB] : []),
};

const tenant = (name: string, agent?: string): Identity => ({
  isAdmin: false,
  tenantId: name as TenantId,
  ...(agent === undefined ? {} : { agentId: agent as AgentId }),
});
const [A, B, C] = [tenant("a"), tenant("b"), tenant("c")];

function callersOf(...rules: IdentityRule[]): Callers {
  return new Callers({ rules, own: OWN, ownerUid: OWNER, users: USERS });
}

/** Whose identity a process has, and the same again: from what is remembered. */
function identityOf(callers: Callers, uid: number, gid = 7): Identity | undefined {
  const [first, again] = [callers.identify({ uid, gid }), callers.identify({ uid, gid })];
  expect(again).toBe(first);
  return first;
}

describe("a process acts on behalf of", () => {
  test("the first rule that fits, in their order", () => {
    const callers = callersOf(
      { uid: ADA, identity: A },
      { gid: OPS, identity: B },
      { uid: ADA, identity: C },
    );
    expect(identityOf(callers, ADA, OPS)).toBe(A);
    expect(identityOf(callers, 5, OPS)).toBe(B);
  });

  test("a rule that names its user or group as /etc/passwd and /etc/group do", () => {
    const callers = callersOf({ user: "ada", identity: A }, { group: "ops", identity: B });
    expect(identityOf(callers, ADA)).toBe(A);
    expect(identityOf(callers, 5, OPS)).toBe(B);
  });

  test("a rule for a group that it isn't in now, if its user is a member", () => {
    const callers = callersOf({ group: "ops", identity: B });
    expect(identityOf(callers, BOB, 7)).toBe(B);
    expect(identityOf(callers, ADA, 7)).toBeUndefined();
  });

  test("a rule that names a user and a group only if both are so", () => {
    const callers = callersOf(
      { uid: ADA, gid: OPS, identity: A },
      { uid: BOB, gid: OPS, identity: B },
    );
    expect(identityOf(callers, ADA, OPS)).toBe(A);
    expect(identityOf(callers, ADA, 7)).toBeUndefined();
    expect(identityOf(callers, 5, OPS)).toBeUndefined();
    expect(identityOf(callers, BOB, 7)).toBe(B);
  });

  test("nobody, when no rule fits: it may do nothing", () => {
    const callers = callersOf({ uid: ADA, identity: A });
    expect(identityOf(callers, BOB)).toBeUndefined();
    expect(identityOf(callers, 65_534)).toBeUndefined();
  });

  test("everybody else's rule, when there is one", () => {
    const callers = callersOf({ uid: ADA, identity: A }, { user: "*", identity: C });
    expect(identityOf(callers, ADA)).toBe(A);
    expect(identityOf(callers, BOB)).toBe(C);
  });

  test("the mount itself, when it is root's or of who mounts, and no rule names them", () => {
    const callers = callersOf({ uid: ADA, identity: A }, { user: "*", identity: C });
    expect(identityOf(callers, 0, 0)).toBe(OWN);
    expect(identityOf(callers, OWNER)).toBe(OWN);
    const bound = callersOf({ uid: 0, identity: A }, { uid: OWNER, identity: B });
    expect(identityOf(bound, 0, 0)).toBe(A);
    expect(identityOf(bound, OWNER)).toBe(B);
  });
});

test("a rule's identity is one object, whoever has it", () => {
  const callers = callersOf({ gid: OPS, identity: B });
  expect(callers.identify({ uid: 5, gid: OPS })).toBe(B);
  expect(callers.identify({ uid: 6, gid: OPS })).toBe(B);
});

test("somebody with more users and groups than are remembered is told right all the same", () => {
  const callers = callersOf({ gid: OPS, identity: B });
  for (let uid = 1; uid < 10_000; uid++) {
    if (uid === OWNER) continue;
    expect(callers.identify({ uid, gid: OPS })).toBe(B);
    if (uid !== BOB) expect(callers.identify({ uid, gid: 7 })).toBeUndefined();
  }
});

test.each([
  [
    { user: "eve", identity: A },
    "identities[1].user: there is no user 'eve' in /etc/passwd; write",
  ],
  [
    { group: "x", identity: A },
    "identities[1].group: there is no group 'x' in /etc/group; write its",
  ],
])("a name that the machine doesn't know is refused: %j", (rule, told) => {
  const make = () => callersOf({ uid: ADA, identity: A }, rule);
  expect(messageThrown(make)).toContain(told);
});

describe("the directories of an identity", () => {
  test("are its user's, with the user's own group where that is known", () => {
    const agent = tenant("a", "x");
    expect(callersOf({ user: "ada", identity: agent }).welcomes).toEqual([
      { identity: agent, owner: { uid: ADA, gid: 100 } },
    ]);
    expect(callersOf({ uid: 5, identity: agent }).welcomes).toEqual([
      { identity: agent, owner: { uid: 5, gid: 5 } },
    ]);
  });

  test("are nobody's alone when several users have it", () => {
    const shared = [{ identity: tenant("a", "x"), owner: undefined }];
    expect(callersOf({ gid: OPS, identity: tenant("a", "x") }).welcomes).toEqual(shared);
    const two = callersOf(
      { uid: ADA, identity: tenant("a", "x") },
      { uid: BOB, identity: tenant("a", "x") },
    );
    expect(two.welcomes).toEqual([...shared, ...shared]);
  });

  test("come after those of the tenant that they lie in", () => {
    const rules = [tenant("a", "x"), A].map((identity, uid) => ({ uid, identity }));
    expect(callersOf(...rules).welcomes.map(({ identity }) => identity)).toEqual([
      A,
      tenant("a", "x"),
    ]);
  });
});
