import { EVERYBODY, type IdentityRule } from "../../config/config.js";
import { NexusError } from "../../model/errors.js";
import type { Credentials, Identity } from "../../model/identity.js";
import type { UserDatabase } from "./user-database.js";

/** So many pairs of user and group are remembered: with user namespaces, one person can have many. */
const MOST_REMEMBERED = 4096;

/** Whom a rule fits, in numbers. */
interface Matcher {
  readonly identity: Identity;
  /** Undefined: whatever the user. */
  readonly uid: number | undefined;
  /** Undefined: whatever the group. */
  readonly gid: number | undefined;
  readonly members: ReadonlySet<number>;
  readonly isEverybody: boolean;
}

export interface CallersOptions {
  readonly rules: readonly IdentityRule[];
  /** The mount's own, from its command line and settings. */
  readonly own: Identity;
  /** Who mounts: the daemon's user. */
  readonly ownerUid: number;
  readonly users: UserDatabase;
}

/** The directories of an identity, to be made before its users look for them. */
export interface Welcome {
  readonly identity: Identity;
  /** The one user who has the identity; undefined when there may be several. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
}

/**
 * On whose behalf the users of a mount act: the first rule that fits counts.
 *
 * - A process has its user and its effective group, as a request of the kernel's tells them. A rule for a
 *   group also fits whom the machine's files list as its members: supplementary groups aren't in a request.
 * - Whom no rule names may do nothing at all. An identity that nobody gave them would have to be one without
 *   a tenant, and that sees all tenants.
 * - But who mounts, and root, have the mount's own identity then: the one can read the data directory, and
 *   the other can become whoever they like. A rule for everybody else doesn't mean them.
 */
export class Callers {
  readonly #users: UserDatabase;
  readonly #matchers: readonly Matcher[];
  readonly #own: Identity;
  readonly #ownerUid: number;
  readonly #known = new Map<number, Map<number, Identity | undefined>>();
  #remembered = 0;

  /** Errors: `invalid-config` for a name that this machine doesn't know. */
  constructor({ rules, own, ownerUid, users }: CallersOptions) {
    this.#users = users;
    this.#matchers = rules.map((rule, index) =>
      matcherOf(rule, { at: `identities[${index}]`, users }),
    );
    this.#own = own;
    this.#ownerUid = ownerUid;
  }

  /** Undefined for who may do nothing. Always the same object for one rule: others remember by it. */
  identify({ uid, gid }: Pick<Credentials, "uid" | "gid">): Identity | undefined {
    let byGid = this.#known.get(uid);
    if (byGid?.has(gid) === true) return byGid.get(gid);
    if (this.#remembered === MOST_REMEMBERED) {
      this.#known.clear();
      this.#remembered = 0;
      byGid = undefined;
    }
    if (byGid === undefined) {
      byGid = new Map();
      this.#known.set(uid, byGid);
    }
    const identity = this.#find(uid, gid);
    byGid.set(gid, identity);
    this.#remembered += 1;
    return identity;
  }

  /** What the rules give to whom; tenants come before their agents, whose directories are in theirs. */
  get welcomes(): Welcome[] {
    const welcomes = this.#matchers.map(({ identity, uid }) => {
      const isOneUser = this.#matchers
        .filter((other) => isSame(other.identity, identity))
        .every((other) => other.uid === uid);
      if (uid === undefined || !isOneUser) return { identity, owner: undefined };
      return { identity, owner: { uid, gid: this.#users.primaryGidOf(uid) ?? uid } };
    });
    const [tenants, agents] = [false, true].map((isAgent) =>
      welcomes.filter(({ identity }) => (identity.agentId !== undefined) === isAgent),
    );
    return [...(tenants ?? []), ...(agents ?? [])];
  }

  #find(uid: number, gid: number): Identity | undefined {
    const isOwner = uid === 0 || uid === this.#ownerUid;
    const fits = (matcher: Matcher) =>
      (matcher.uid === undefined || matcher.uid === uid) &&
      (matcher.gid === undefined || matcher.gid === gid || matcher.members.has(uid)) &&
      !(matcher.isEverybody && isOwner);
    return this.#matchers.find(fits)?.identity ?? (isOwner ? this.#own : undefined);
  }
}

function isSame(a: Identity, b: Identity): boolean {
  return a.tenantId === b.tenantId && a.agentId === b.agentId && a.isAdmin === b.isAdmin;
}

function matcherOf(
  { identity, uid, user, gid, group }: IdentityRule,
  { at, users }: { at: string; users: UserDatabase },
): Matcher {
  const isAnyUser = user === EVERYBODY;
  const ruleUid = user === undefined || isAnyUser ? uid : users.uidOf(user);
  if (user !== undefined && !isAnyUser && ruleUid === undefined) {
    throw unknown(`${at}.user: there is no user '${user}' in /etc/passwd; write its number as uid`);
  }
  const ruleGid = group === undefined ? gid : users.gidOf(group);
  if (group !== undefined && ruleGid === undefined) {
    throw unknown(
      `${at}.group: there is no group '${group}' in /etc/group; write its number as gid`,
    );
  }
  return {
    identity,
    uid: ruleUid,
    gid: ruleGid,
    members: ruleGid === undefined ? new Set() : users.membersOf(ruleGid),
    isEverybody: isAnyUser && ruleGid === undefined,
  };
}

function unknown(message: string): NexusError {
  return new NexusError("invalid-config", message);
}
